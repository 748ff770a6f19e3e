"""The result of a method that was called for many instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ToastComputeError


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The result of a batch, by the ids of the instances, in the order in which they were given."""

    ok: Mapping[str, Any]
    """What each call that succeeded returned; None for commands."""
    failed: Mapping[str, ToastComputeError]
    """The error of each call that failed."""
    skipped: tuple[str, ...]
    """The ids that were not tried, since an earlier failure holds for them as well."""

    def raise_for_failures(self) -> None:
        """Raise the first failure, if there is one, with the number of the others as a note."""
        for id, error in self.failed.items():
            others = len(self.failed) - 1
            failed = f"{others} other{'s' if others != 1 else ''} failed"
            note = f"instance {id}; {failed}, {len(self.skipped)} were not tried"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
            raise error
