"""The admin API under `/_mock/`, and the page that uses it."""
