"""Run the mock from a command line: `toast-compute-mock`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from ..clock.clocks import AutoJumpClock
from ..cloud import MockCloud
from ..engine.replies import SAMPLE_ABOVE
from ..servers.server import Server, run
from ..world.seed import serialize_seed_world
from ..world.snapshots import SnapshotError
from .files import save, write_whole
from .options import PROGRAM, CommandError, Options, read_options
from .rules_page import as_markdown

_USAGE_ERROR = 2
_RARE_COLLECTIONS = (50_000, 20, 100)
_ADMIN_TOKEN = "TOAST_COMPUTE_MOCK_ADMIN_TOKEN"


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 2 when an argument, a file or the address cannot be used."""
    try:
        options = read_options(arguments)
        if options.show_world:
            _print(json.dumps(serialize_seed_world(options.world), indent=2))
        elif options.show_behaviours:
            _print(as_markdown())
        else:
            _run(options)
    except CommandError as error:
        # An argument may hold line breaks, and messages show it.
        print(f"{PROGRAM}: {' '.join(str(error).splitlines())}", file=sys.stderr)
        return _USAGE_ERROR
    except KeyboardInterrupt:  # where the event loop has no signal handlers
        return 0
    return 0


def _run(options: Options) -> None:
    cloud = MockCloud(
        seed=options.seed,
        clock=options.clock,
        world=options.world,
        faults=options.faults,
        sample_above=SAMPLE_ABOVE,
        admin_token=os.environ.get(_ADMIN_TOKEN) or None,
    )
    if isinstance(options.clock, AutoJumpClock):
        options.clock.next_event = cloud.worlds.next_event
    if options.snapshot is not None:
        cloud.resume(options.snapshot)
    # Of the many objects of a large world hardly one ever becomes garbage.
    gc.freeze()
    gc.set_threshold(*_RARE_COLLECTIONS)
    run(_serve(cloud, options.host, options.port, options.ready_file))
    if options.snapshot_file is not None:
        try:
            save(options.snapshot_file, cloud.worlds.snapshot())
        except SnapshotError as error:
            raise CommandError(f"--snapshot: {error}") from None


async def _serve(cloud: MockCloud, host: str, port: int, ready_file: Path | None) -> None:
    stop = asyncio.Event()
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        # Windows has no SIGHUP, and no handlers in its event loop.
        with contextlib.suppress(NotImplementedError, AttributeError):
            asyncio.get_running_loop().add_signal_handler(getattr(signal, name), stop.set)
    server = Server(cloud.answer, cloud.clock)
    try:
        address = await server.start(host, port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CommandError(f"cannot listen on {host} port {port}: {reason}") from None
    base_url = f"http://{address}{cloud.prefix}"
    with _ready_file(base_url, ready_file):
        _print(f"{PROGRAM} listens on {base_url}")
        await stop.wait()
    await server.stop()


def _print(text: str) -> None:
    """Print on standard output. Raises CommandError when that is impossible."""
    try:
        print(text, flush=True)
    except OSError as error:
        # What could not be written is still in the buffer; Python would try again when it ends, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise CommandError(f"cannot write to the standard output: {error.strerror}") from None


@contextlib.contextmanager
def _ready_file(base_url: str, ready_file: Path | None) -> Iterator[None]:
    """Keep the ready file there as long as the mock listens."""
    if ready_file is None:
        yield
        return
    try:
        write_whole(ready_file, json.dumps({"base_url": base_url, "pid": os.getpid()}))
    except OSError as error:
        raise CommandError(f"--ready-file: cannot write {ready_file}: {error.strerror}") from None
    try:
        yield
    finally:
        ready_file.unlink(missing_ok=True)
