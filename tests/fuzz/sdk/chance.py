"""How is Hypothesis set up? So that a seed decides the run, and nothing is kept, timed or printed."""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity


def settings_for(examples: int, **more: Any) -> hypothesis.settings:
    """Return the settings for so many examples."""
    return hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        **more,
    )
