"""Where do this user's files belong?"""

from __future__ import annotations

from pathlib import Path

_APPLICATION = "toast-compute"


def config_folder() -> Path | None:
    """Return where the user's configuration is or would be, or None for a user without a home."""
    try:
        from platformdirs import user_config_path  # loaded by those who make a client

        return _absolute(user_config_path(_APPLICATION, appauthor=False, roaming=True))
    except (RuntimeError, KeyError):
        return None


def cache_folder() -> Path | None:
    """Return where what can be lost is kept, or None for a user without a home."""
    try:
        from platformdirs import user_cache_path

        return _absolute(user_cache_path(_APPLICATION, appauthor=False))
    except (RuntimeError, KeyError):
        return None


def _absolute(path: Path) -> Path | None:
    # Older versions return "~" for a home that they cannot find.
    return path if path.is_absolute() else None
