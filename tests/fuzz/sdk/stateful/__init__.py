"""Hold the SDK and the mock against a model, in sequences of many calls."""
