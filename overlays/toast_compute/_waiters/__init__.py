"""Waits for a status of one or many instances."""
