"""Serve the SDK replies of the contract, and wrong ones."""
