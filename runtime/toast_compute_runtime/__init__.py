"""The hand-written bases that generated code stands on."""
