"""How is the mock started from a command line? `toast-compute-mock`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from .clock import FASTEST, Clock, RealClock, ScaledClock
from .cloud import MockCloud
from .server import Server
from .worlds import default_seed_world, show_world

PROGRAM = "toast-compute-mock"
_USAGE_ERROR = 2
_LAST_PORT = 65535


class CommandError(Exception):
    """The command cannot run; its text is the one line that says why."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, without the usage."""
        raise CommandError(message)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 2 when an argument or the address cannot be used."""
    try:
        options = _parser().parse_args(arguments)
        if options.show_world:
            _say(json.dumps(show_world(default_seed_world()), indent=2))
            return 0
        cloud = MockCloud(seed=options.seed, clock=options.clock)
        asyncio.run(_serve(cloud, options.host, options.port, options.ready_file))
    except CommandError as error:
        # An argument may hold line breaks, and messages show it.
        print(f"{PROGRAM}: {' '.join(str(error).splitlines())}", file=sys.stderr)
        return _USAGE_ERROR
    except KeyboardInterrupt:  # where the event loop cannot be told of signals
        return 0
    return 0


async def _serve(cloud: MockCloud, host: str, port: int, ready_file: Path | None) -> None:
    stop = asyncio.Event()
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        # Windows has no SIGHUP, and no handlers in its event loop.
        with contextlib.suppress(NotImplementedError, AttributeError):
            asyncio.get_running_loop().add_signal_handler(getattr(signal, name), stop.set)
    server = Server(cloud.handle)
    try:
        address = await server.start(host, port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CommandError(f"cannot listen on {host} port {port}: {reason}") from None
    base_url = f"http://{address}{cloud.prefix}"
    with _announced(base_url, ready_file):
        _say(f"{PROGRAM} listens on {base_url}")
        await stop.wait()
    await server.stop()


def _say(text: str) -> None:
    """Print on standard output. Raises CommandError when that is impossible."""
    try:
        print(text, flush=True)
    except OSError as error:
        # What could not be written is still in the buffer; Python would try again when it ends, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise CommandError(f"cannot write to the standard output: {error.strerror}") from None


@contextlib.contextmanager
def _announced(base_url: str, ready_file: Path | None) -> Iterator[None]:
    """Keep the ready file there as long as the mock listens."""
    if ready_file is None:
        yield
        return
    try:
        _write_whole(ready_file, json.dumps({"base_url": base_url, "pid": os.getpid()}))
    except OSError as error:
        raise CommandError(f"--ready-file: cannot write {ready_file}: {error.strerror}") from None
    try:
        yield
    finally:
        ready_file.unlink(missing_ok=True)


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is either not there or complete."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=PROGRAM, description="A stateful mock of TOAST Compute.", allow_abbrev=False)
    parser.add_argument(
        "--host", type=_loopback, default="127.0.0.1", help="the loopback address to listen on (default: %(default)s)"
    )
    parser.add_argument("--port", type=_port, default=0, help="the port to listen on; 0, the default, is any free one")
    parser.add_argument(
        "--ready-file", type=Path, metavar="F", help="write base_url and pid into this file as JSON once it listens"
    )
    parser.add_argument(
        "--clock",
        type=_clock,
        default="real",
        metavar="real|scaled:N",
        help="the time it lives in: the machine's, or N times as fast (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="what ids and durations derive from (default: %(default)s)")
    parser.add_argument("--show-world", action="store_true", help="print what a world starts with as JSON, and end")
    return parser


def _loopback(text: str) -> str:
    try:
        address = ipaddress.ip_address("127.0.0.1" if text == "localhost" else text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a loopback address such as 127.0.0.1") from None
    if not address.is_loopback:
        raise argparse.ArgumentTypeError("must be a loopback address: the mock is not for other machines to reach")
    return str(address)


def _port(text: str) -> int:
    is_short = len(text) <= len(str(_LAST_PORT))  # Python refuses to read numbers of thousands of digits
    if not (text.isascii() and text.isdigit() and is_short and int(text) <= _LAST_PORT):
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_LAST_PORT}")
    return int(text)


def _clock(text: str) -> Clock:
    kind, _, factor = text.partition(":")
    if text == "real":
        return RealClock()
    if kind == "scaled":
        with contextlib.suppress(ValueError):
            return ScaledClock(float(factor))
    raise argparse.ArgumentTypeError(f"must be real, or scaled:N with a number N above 0 and at most {FASTEST}")


if __name__ == "__main__":
    sys.exit(main())
