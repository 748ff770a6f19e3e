"""Measure the processor time and memory of a process and all that it started, on Linux."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

MIB = 1024 * 1024

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PPID = 1  # proc(5), stat: these fields, counted from the one behind the command's name
_TIMES_OF_ENDED = slice(13, 15)  # cutime, cstime: of children that have ended and were waited for
_RESIDENT = 1  # proc(5), statm

_libc = ctypes.CDLL(None)


def cpu_seconds(pid: int) -> float:
    """Return the processor time, user's and system's, of a process with all its threads and descendants so far.

    Counted in nanoseconds while a process lives, threads that have ended included. Of children that have ended the
    system tells only hundredths of a second. Raises ProcessLookupError when the process has ended.
    """
    if not (_PROC / str(pid)).exists():
        raise ProcessLookupError(f"process {pid} has ended")
    members = family(pid)
    of_ended = sum(sum(map(int, _stat(one)[_TIMES_OF_ENDED])) for one in members) / _TICKS
    return of_ended + sum(map(_own_seconds, members))


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process and its descendants, in MiB; pages that they share count for each."""
    pages = 0
    for one in family(pid):
        try:
            pages += int((_PROC / str(one) / "statm").read_text().split()[_RESIDENT])
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended while we looked
    return pages * _PAGE / MIB


def family(pid: int) -> list[int]:
    """Return a process and all its living descendants, parents first."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and (stat := _stat(int(folder.name))):
            children.setdefault(int(stat[_PPID]), []).append(int(folder.name))
    found = [pid]
    for one in found:  # grows while it is walked
        found += children.get(one, [])
    return found


def _own_seconds(pid: int) -> float:
    """Return what a living process has taken by its own clock; 0 when it has ended meanwhile.

    Not from `/proc/PID/task/*/schedstat`, which is as fine: with a thread, what it took is gone from there, and a
    server that answers each connection in a new thread would seem to take nearly nothing.
    """
    clock = ctypes.c_int()
    if _libc.clock_getcpuclockid(ctypes.c_int(pid), ctypes.byref(clock)):
        return 0.0
    try:
        return time.clock_gettime(clock.value)
    except OSError:
        return 0.0


def _stat(pid: int) -> list[str]:
    """Return the fields behind the command's name, which may itself hold spaces; empty when the process has ended."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
