"""Keep the record of what was asked and answered."""

from __future__ import annotations

from .journal import Entry, Journal

__all__ = ["Entry", "Journal"]
