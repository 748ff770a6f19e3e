"""The command `python -m tests.fuzz service`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

from ..replaying import command
from .contract import contract
from .report.junit import describe, write_junit
from .run import PHASES
from .session import Outcome, Plan, fuzz
from .target import Credentials, LiveTarget, MockTarget, Target, TargetError

_FOUND = 1
_BAD_USE = 2
_INTERRUPTED = 130
_CREDENTIALS = ("appkey", "username", "password")
_HELP = """Credentials and tokens can be in the environment instead, where no list of processes shows them:
FUZZ_APPKEY, FUZZ_USERNAME, FUZZ_PASSWORD. FUZZ_EXPIRED_TOKEN and FUZZ_FOREIGN_TOKEN must give no access.
"""
_ONE = ("image", "windows_image", "network", "subnet", "zone")
_MANY = {"security_group": "groups", "volume": "volumes", "floating_ip": "addresses"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise TargetError(message)


def main(arguments: Sequence[str]) -> int:
    """Fuzz the mock in this process, or a service behind a URL. Returns 0, 1 for findings, 2 for bad use."""
    try:
        options = _parser().parse_args(arguments)
        if options.url is not None:
            for name in _CREDENTIALS:
                setattr(options, name, _secret(options, name))
        options.reports.mkdir(parents=True, exist_ok=True)
        return _go(options)
    except TargetError as error:
        print(f"fuzz service: {error}", file=sys.stderr)
        return _BAD_USE
    except KeyboardInterrupt:
        print("fuzz service: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        raise  # nobody reads the output any more; the reports are not the reason
    except OSError as error:
        print(f"fuzz service: --reports: {error.filename} cannot be written: {error.strerror}", file=sys.stderr)
        return _BAD_USE


def _go(options: argparse.Namespace) -> int:
    end = time.monotonic() + 60 * options.minutes if options.minutes else 0.0
    replay = " ".join([command("service"), shlex.join(_repeated(options))]).strip()
    seed = options.seed
    outcomes: list[Outcome] = []
    while True:
        _print(f"seed {seed}")
        with closing(_target(options, seed)) as target:
            outcome = fuzz(target, _plan(options, seed), _print if options.url is not None else None)
        _print_outcome(outcome, replay)
        if not outcomes or not outcome.is_good:  # another good outcome adds nothing to the report
            outcomes.append(outcome)
        report = write_junit(options.reports, outcomes, replay)
        seed += 1
        if time.monotonic() >= end or outcome.was_interrupted:
            break
    _print(f"the report is {report}")
    if outcomes[-1].was_interrupted:
        return _INTERRUPTED
    return 0 if all(outcome.is_good for outcome in outcomes) else _FOUND


def _print(sentence: str) -> None:
    print(f"fuzz service: {sentence}", flush=True)


def _print_outcome(outcome: Outcome, replay: str) -> None:
    run = outcome.run
    lines = [describe(outcome, finding, replay) for finding in run.findings.values()]
    lines += [f"not reached: {sentence}" for sentence in outcome.missed]
    lines += [f"error: {sentence}" for sentence in outcome.errors]
    if lines:
        print(*lines, sep="\n")
    _print(
        f"{run.number} exchanges in {outcome.seconds:.0f} s, "
        f"{len(run.counters.accepted)} of {len(run.contract.names)} operations and actions accepted, "
        f"{len(run.counters.links)} links followed, fingerprint {run.fingerprint}; {len(run.findings)} findings"
    )


def _target(options: argparse.Namespace, seed: int) -> Target:
    if options.url is None:
        return MockTarget(seed)
    expired, foreign = (os.environ.get(f"FUZZ_{kind}_TOKEN") or None for kind in ("EXPIRED", "FOREIGN"))
    credentials = Credentials(*(getattr(options, name) for name in _CREDENTIALS))
    return LiveTarget(options.url, credentials, expired, foreign)


def _plan(options: argparse.Namespace, seed: int) -> Plan:
    same = ("examples", "scenarios", "only", "until", "fail_fast", "may_miss")
    given: dict[str, Any] = {name: getattr(options, name) for name in _ONE}
    given |= {member: tuple(getattr(options, name)) for name, member in _MANY.items()}
    phases = [phase for phase in PHASES if phase in (options.phase or PHASES)]
    return Plan(seed=seed, phases=phases, given=given, **{name: getattr(options, name) for name in same})


def _secret(options: argparse.Namespace, name: str) -> str:
    value: str = getattr(options, name) or os.environ.get(f"FUZZ_{name.upper()}", "")
    if not value:
        raise TargetError(f"--{name}: is missing; FUZZ_{name.upper()} in the environment is possible too")
    return value


def _repeated(options: argparse.Namespace) -> list[str]:
    """Return the options that a replay needs, without secrets."""
    words: list[str] = []
    for name in ("url", "examples", "scenarios", "phase", "only", *_ONE, *_MANY):
        value = getattr(options, name)
        if value and value != _parser().get_default(name):
            for one in value if isinstance(value, list) else [value]:
                words += ["--" + name.replace("_", "-"), str(one)]
    return words


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m tests.fuzz service", allow_abbrev=False, epilog=_HELP)
    add = parser.add_argument
    add("--seed", type=_natural, default=1, help="what decides the run (1)")
    add("--minutes", type=_minutes, default=0.0, help="go on with the next seeds for so long")
    add("--reports", type=Path, default=Path("build/fuzz"), help="the folder for the report")
    add("--until", type=_natural, help="stop after the exchange of this number, to repeat it")
    add("--fail-fast", action="store_true", help="stop soon after the first finding")
    add("--phase", choices=PHASES, action="append", help="only this phase; repeatable")
    add("--only", choices=contract().names, action="append", default=[], help="only this operation or action")
    add("--examples", type=_natural, default=20, help="requests for each operation and action (20)")
    add("--scenarios", type=_natural, default=50, help="sequences of requests (50)")
    add("--url", help="a service, up to where the paths of the contract begin; without it the mock is used")
    add("--appkey", default="", help="the appkey of the project")
    add("--username", default="", help="the account")
    add("--password", default="", help="its API password")
    add("--image", default="", help="an image of Linux")
    add("--windows-image", default="", help="an image of Windows")
    add("--network", default="", help="a network")
    add("--subnet", default="", help="a subnet of the network")
    add("--zone", default="", help="an availability zone")
    add("--security-group", action="append", default=[], help="a security group; repeatable")
    add("--volume", action="append", default=[], help="a free volume in the zone; repeatable")
    add("--floating-ip", action="append", default=[], help="a free floating IP; repeatable")
    add("--may-miss", action="append", default=[], metavar="NAME", help="an operation that need not be accepted")
    return parser


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError("needs a whole number from 0 up")
    return int(text)


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 60 * 24 * 365:
        raise argparse.ArgumentTypeError("needs a number of minutes above 0")
    return value
