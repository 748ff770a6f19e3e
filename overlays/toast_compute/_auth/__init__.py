"""Tokens: renewal, and sharing between processes."""
