"""The contract as the mock uses it: its operations and schemas, and how a request is read by them."""
