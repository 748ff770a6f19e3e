"""The hand-written code that generated code is based on."""
