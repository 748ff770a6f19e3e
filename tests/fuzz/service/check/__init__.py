"""Judge exchanges."""
