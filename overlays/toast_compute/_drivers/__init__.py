"""Drivers that perform the effects of operations."""
