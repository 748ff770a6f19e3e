"""Steer the mock over HTTP: the admin API under `/_mock/`, and the page that uses it."""
