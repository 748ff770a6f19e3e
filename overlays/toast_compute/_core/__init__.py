"""One call from request to outcome, without I/O."""
