"""Compile the contract for the mock: its operations and schemas, and how a request is read by them."""
