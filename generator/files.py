"""Folders of written modules: their format, and the exchange of a folder for another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .errors import GenerationError


def tidy(package: Path) -> None:
    """Remove unused imports, sort the others, and format every module of a folder."""
    ruff = [sys.executable, "-m", "ruff"]
    settings = ["--isolated", "--no-cache", "--quiet", "--target-version=py311", "--line-length=120"]
    lint = ["check", "--fix-only", "--select=F401,I,UP"]
    for command in ([*ruff, *lint, *settings, "."], [*ruff, "format", *settings, "."]):
        done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise GenerationError(f"ruff: {' '.join((done.stderr or done.stdout).split())}")


def replace(package: Path, output: Path, old: Path) -> None:
    """Put a folder in the place of another, which is moved aside."""
    if output.exists():
        output.rename(old)
    try:
        package.rename(output)
    except OSError:
        if old.exists():
            old.rename(output)
        raise
