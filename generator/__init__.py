"""What turns the contract into code? Checks, derived documents and a driver for two public generators."""
