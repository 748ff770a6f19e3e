"""Read the command line of `toast-compute-mock`."""

from __future__ import annotations

import argparse
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ..clock.clocks import Clock, parse_clock
from ..faults.base import FaultError
from ..faults.json import read_faults
from ..faults.rules import Fault
from ..world.seed import SeedWorld, default_seed_world
from ..world.seed_file import WorldFileError, read_seed_world
from ..world.snapshots import Snapshot, SnapshotError
from .files import load

PROGRAM = "toast-compute-mock"
_LAST_PORT = 65535
_SEED_DIGITS = 18  # more would not fit into a snapshot


class CommandError(Exception):
    """The command cannot run; its text is one line with the reason."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command has to do."""

    host: str
    port: int
    ready_file: Path | None
    clock: Clock
    seed: int
    world: SeedWorld
    faults: list[Fault]
    snapshot_file: Path | None
    snapshot: Snapshot | None
    """What the snapshot file holds; None when there is no such file yet."""
    show_world: bool
    show_behaviours: bool


def read_options(arguments: list[str] | None) -> Options:
    """Read the command line and the files that it names. Raises CommandError."""
    given = _parser().parse_args(arguments)
    snapshot = None
    if given.snapshot is not None:
        snapshot = _loaded(given.snapshot)
    return Options(
        host=given.host,
        port=given.port,
        ready_file=given.ready_file,
        clock=given.clock,
        seed=given.seed,
        world=_world(given.world),
        faults=_faults(given.faults),
        snapshot_file=given.snapshot,
        snapshot=snapshot,
        show_world=given.show_world,
        show_behaviours=given.show_behaviours,
    )


def option_names() -> set[str]:
    """Return the names of all options."""
    return {name for action in _parser()._actions for name in action.option_strings if name.startswith("--")}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, without the usage."""
        raise CommandError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="A stateful mock of TOAST Compute.",
        epilog="With TOAST_COMPUTE_MOCK_ADMIN_TOKEN set, the API and page under /_mock/ ask for that token; "
        "without it, they answer this machine alone.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--host", type=_host, default="127.0.0.1", help="the address to listen on (default: %(default)s)"
    )
    parser.add_argument("--port", type=_port, default=0, help="the port to listen on; 0, the default, is any free one")
    parser.add_argument(
        "--ready-file", type=Path, metavar="F", help="write base_url and pid into this file as JSON once it listens"
    )
    parser.add_argument(
        "--clock",
        type=_clock,
        default="real",
        metavar="real|frozen|scaled:N|auto-jump",
        help="the time it lives in: the machine's; one that stands still until it is set; N times as fast as the "
        "machine's; or one that moves on to what is due next when nobody asks for anything (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=_seed, default=0, help="what ids and durations derive from (default: %(default)s)"
    )
    parser.add_argument(
        "--world", type=Path, metavar="F", help="what worlds begin with: JSON as --show-world prints it, with accounts"
    )
    parser.add_argument(
        "--snapshot", type=Path, metavar="F", help="go on from this file if it is there, and write it when it ends"
    )
    parser.add_argument("--faults", type=Path, metavar="F", help="what goes wrong: a JSON list of rules and presets")
    parser.add_argument("--show-world", action="store_true", help="print what a world starts with as JSON, and end")
    parser.add_argument(
        "--show-behaviours",
        action="store_true",
        help="print what the mock refuses and does, and whether that is documented or assumed, and end",
    )
    return parser


def _world(path: Path | None) -> SeedWorld:
    if path is None:
        return default_seed_world()
    try:
        return read_seed_world(_read("--world", path))
    except WorldFileError as error:
        raise CommandError(f"--world: {path}: {error}") from None


def _faults(path: Path | None) -> list[Fault]:
    if path is None:
        return []
    try:
        return read_faults(_read("--faults", path))
    except FaultError as error:
        raise CommandError(f"--faults: {path}: {error}") from None


def _loaded(path: Path) -> Snapshot | None:
    if not path.exists():
        if not path.parent.is_dir():
            raise CommandError(f"--snapshot: there is no folder {path.parent}")
        return None
    try:
        return load(path)
    except SnapshotError as error:
        raise CommandError(f"--snapshot: {error}") from None


def _read(option: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CommandError(f"{option}: cannot read {path}: {reason}") from None


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address("127.0.0.1" if text == "localhost" else text))
    except ValueError:
        raise argparse.ArgumentTypeError("must be an IP address such as 127.0.0.1, or localhost") from None


def _port(text: str) -> int:
    is_short = len(text) <= len(str(_LAST_PORT))  # Python refuses to read numbers of thousands of digits
    if not (text.isascii() and text.isdigit() and is_short and int(text) <= _LAST_PORT):
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_LAST_PORT}")
    return int(text)


def _seed(text: str) -> int:
    try:
        seed = int(text) if len(text) <= _SEED_DIGITS else None
    except ValueError:
        seed = None
    if seed is None:
        raise argparse.ArgumentTypeError("must be a whole number of at most 18 digits")
    return seed


def _clock(text: str) -> Clock:
    try:
        return parse_clock(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
