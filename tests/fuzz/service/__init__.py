"""The service fuzzer: requests of every kind to the mock in this process, or to a live service."""
