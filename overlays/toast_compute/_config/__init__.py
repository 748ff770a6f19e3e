"""Settings, profiles and permissions."""
