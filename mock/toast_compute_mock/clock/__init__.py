"""Provide the clocks that the mock and the SDK can run on."""
