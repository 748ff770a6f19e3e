"""The pytest plugin: a fresh cloud for each test, and a client on it. It is loaded by its entry point."""
