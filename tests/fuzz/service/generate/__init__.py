"""Make requests: the engine's, and those that it does not make."""
