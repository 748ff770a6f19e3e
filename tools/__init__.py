"""Tools for maintainers, never shipped."""
