"""The commands for maintainers. They are not part of the wheel, and may import the generator."""
