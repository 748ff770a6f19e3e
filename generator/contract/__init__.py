"""The contract as it is read."""
