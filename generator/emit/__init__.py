"""The writers of generated files."""
