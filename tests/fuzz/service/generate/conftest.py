"""A session on a fresh mock that has begun, for the tests of what it sends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..run import Run
from ..session import Plan, Session
from ..target import MockTarget


def begun(target: MockTarget | None = None) -> Session:
    """Return a session that has logged in and made what it needs."""
    session = Session(Run(target or MockTarget(1)), Plan(seed=1, examples=1, scenarios=1))
    session.begin()
    return session


@pytest.fixture
def session() -> Iterator[Session]:
    """A session in which nothing may be found."""
    session = begun()
    yield session
    assert not session.run.findings
