"""Run the command `toast-compute-mock`."""
