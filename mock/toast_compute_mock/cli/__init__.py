"""The command `toast-compute-mock`."""
