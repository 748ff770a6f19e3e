"""Random tests of the service, the mock and the SDK."""
