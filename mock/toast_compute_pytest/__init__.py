"""Provide the pytest plugin: a fresh cloud for each test, and a client on it."""
