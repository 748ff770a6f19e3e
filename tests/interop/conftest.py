"""The mock that the clients talk to: the real command, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_START_SECONDS = 10.0
_COMMAND = Path(sys.executable).with_name("toast-compute-mock")


@pytest.fixture
def base_url(tmp_path: Path) -> Iterator[str]:
    """The base URL of a fresh mock."""
    ready = tmp_path / "ready.json"
    process = subprocess.Popen(
        [str(_COMMAND), "--port", "0", "--ready-file", str(ready)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not ready.exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline, "the mock has not started in time"
            time.sleep(0.01)
        yield json.loads(ready.read_text())["base_url"]
        process.terminate()
        _, complaints = process.communicate(timeout=_START_SECONDS)
        assert (process.returncode, complaints) == (0, "")
    finally:
        process.kill()
        process.communicate()
