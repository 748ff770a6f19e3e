"""Commands of `toast-compute`."""
