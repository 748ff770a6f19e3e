"""What is there to say to `python -m tests.fuzz service`, and what does it answer?"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from ..replaying import command
from .contract import contract
from .generate.fixtures import Given
from .mock_target import MockTarget
from .report.reports import MARKDOWN, describe, write_reports
from .run import PHASES
from .session import Outcome, Plan, fuzz
from .target import Credentials, Impostors, LiveTarget, Target, TargetError

_FOUND = 1
_BAD_USE = 2
_INTERRUPTED = 130
_EXAMPLES = 20
_SCENARIOS = 50
_HELP = """Credentials and tokens can stand in the environment instead, where no list of processes shows them:
FUZZ_APPKEY, FUZZ_USERNAME, FUZZ_PASSWORD. FUZZ_EXPIRED_TOKEN and FUZZ_FOREIGN_TOKEN are tokens that must open nothing.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise TargetError(message)


def main(arguments: Sequence[str]) -> int:
    """Fuzz the mock in this process, or a service behind a URL. Returns 0, 1 for findings, 2 for bad use."""
    try:
        options = _parser().parse_args(arguments)
        plans = _Plans(options)
        options.reports.mkdir(parents=True, exist_ok=True)
        return _go(options, plans)
    except TargetError as error:
        print(f"fuzz service: {error}", file=sys.stderr)
        return _BAD_USE
    except KeyboardInterrupt:
        print("fuzz service: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        raise  # nobody reads on; the reports have nothing to do with it
    except OSError as error:
        print(f"fuzz service: --reports: {error.filename} cannot be written: {error.strerror}", file=sys.stderr)
        return _BAD_USE


class _Plans:
    """Targets and plans, one after the other."""

    def __init__(self, options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> None:
        self._options = options
        self._environment = environment
        if options.url is not None:
            self.credentials = Credentials(*(self._secret(name) for name in ("appkey", "username", "password")))
        self.replay = " ".join([command("service"), shlex.join(self._repeated())]).strip()

    def target(self, seed: int) -> Target:
        """Return a service to try; the mock is a fresh one each time."""
        if self._options.url is None:
            return MockTarget(seed)
        expired, foreign = (self._environment.get(f"FUZZ_{kind}_TOKEN") or None for kind in ("EXPIRED", "FOREIGN"))
        return LiveTarget(self._options.url, self.credentials, Impostors(expired, foreign))

    def plan(self, seed: int) -> Plan:
        """Return what to do with a seed."""
        options = self._options
        return Plan(
            seed=seed,
            examples=options.examples,
            scenarios=options.scenarios,
            phases=tuple(phase for phase in PHASES if phase in (options.phase or PHASES)),
            only=tuple(options.only),
            until=options.until,
            fail_fast=options.fail_fast,
            may_miss=frozenset(options.may_miss),
            given=Given(
                image=options.image,
                windows_image=options.windows_image,
                network=options.network,
                subnet=options.subnet,
                zone=options.zone,
                groups=tuple(options.security_group),
                volumes=tuple(options.volume),
                addresses=tuple(options.floating_ip),
            ),
        )

    def _secret(self, name: str) -> str:
        value: str = getattr(self._options, name) or self._environment.get(f"FUZZ_{name.upper()}", "")
        if not value:
            raise TargetError(f"--{name}: is missing; FUZZ_{name.upper()} in the environment will do, too")
        return value

    def _repeated(self) -> list[str]:
        """The options that a replay needs, without secrets."""
        names = ("url", "examples", "scenarios", "phase", "only", "image", "windows_image", "network", "subnet", "zone")
        repeated = []
        for name in (*names, "security_group", "volume", "floating_ip"):
            value = getattr(self._options, name)
            if value and value != _parser().get_default(name):
                option = "--" + name.replace("_", "-")
                repeated += [
                    part for one in (value if isinstance(value, list) else [value]) for part in (option, str(one))
                ]
        return repeated


def _go(options: argparse.Namespace, plans: _Plans) -> int:
    end = time.monotonic() + 60 * options.minutes if options.minutes else 0.0
    seed = options.seed
    outcomes: list[Outcome] = []
    while True:
        print(f"fuzz service: seed {seed}", flush=True)
        with closing(plans.target(seed)) as target:
            outcome = fuzz(target, plans.plan(seed), _say if options.url is not None else None)
        _tell(outcome, plans.replay)
        # Of a long run only what is wanted is kept: a good outcome after the first one says nothing new.
        if not outcomes or not outcome.is_good:
            outcomes.append(outcome)
        write_reports(options.reports, outcomes, plans.replay)
        seed += 1
        if time.monotonic() >= end or outcome.was_interrupted:
            break
    print(f"fuzz service: the report is {options.reports / MARKDOWN}")
    if outcomes[-1].was_interrupted:
        return _INTERRUPTED
    return 0 if all(outcome.is_good for outcome in outcomes) else _FOUND


def _say(sentence: str) -> None:
    print(f"fuzz service: {sentence}", flush=True)


def _tell(outcome: Outcome, replay: str) -> None:
    for finding in outcome.run.findings.values():
        print("\n".join(describe(outcome, finding, replay)))
    for sentence in (*outcome.missed, *outcome.errors):
        print(f"not reached: {sentence}" if sentence in outcome.missed else f"error: {sentence}")
    tally = outcome.run.tally
    print(
        f"fuzz service: {outcome.run.number} exchanges in {outcome.seconds:.0f} s, "
        f"{len(tally.accepted)} of {len(outcome.run.contract.names)} operations and actions accepted, "
        f"{len(tally.links)} links followed, fingerprint {outcome.run.fingerprint}; "
        f"{len(outcome.run.findings)} findings"
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m tests.fuzz service", allow_abbrev=False, epilog=_HELP)
    parser.add_argument("--seed", type=_natural, default=1, help="what decides the run; 1 unless given")
    parser.add_argument("--minutes", type=_minutes, default=0.0, help="go on with the next seeds for so long")
    parser.add_argument("--reports", type=Path, default=Path("build/fuzz"), help="the folder for the reports")
    parser.add_argument("--until", type=_natural, help="stop behind the exchange of this number, to see it again")
    parser.add_argument("--fail-fast", action="store_true", help="stop soon after the first finding")
    parser.add_argument("--phase", choices=PHASES, action="append", help="only this phase; may come more than once")
    parser.add_argument(
        "--only", choices=contract().names, action="append", default=[], help="only this operation or action"
    )
    parser.add_argument("--examples", type=_natural, default=_EXAMPLES, help="requests for each operation and action")
    parser.add_argument("--scenarios", type=_natural, default=_SCENARIOS, help="sequences of requests")
    parser.add_argument("--url", help="a service, up to what its paths begin with; else the mock is used")
    parser.add_argument("--appkey", default="", help="the appkey of the project")
    parser.add_argument("--username", default="", help="the account")
    parser.add_argument("--password", default="", help="its API password")
    parser.add_argument("--image", default="", help="an image of Linux")
    parser.add_argument("--windows-image", default="", help="an image of Windows")
    parser.add_argument("--network", default="", help="a network")
    parser.add_argument("--subnet", default="", help="a subnet of the network")
    parser.add_argument("--zone", default="", help="an availability zone")
    parser.add_argument("--security-group", action="append", default=[], help="a security group; may come again")
    parser.add_argument("--volume", action="append", default=[], help="a free volume in the zone; may come again")
    parser.add_argument("--floating-ip", action="append", default=[], help="a free floating IP; may come again")
    parser.add_argument(
        "--may-miss", action="append", default=[], metavar="NAME", help="an operation or action that need not succeed"
    )
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
