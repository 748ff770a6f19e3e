"""The writers of generated files, and the two documents that they are derived from."""
