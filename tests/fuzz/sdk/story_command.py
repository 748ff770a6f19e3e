"""Do SDK and mock keep to the truth in any story? `python -m tests.fuzz story`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import count

from toast_compute_api.behaviour import LIFECYCLE

from ..replaying import command
from . import (
    each_argument,
    each_method,
    each_move,
    each_option,
    each_sequence,
    each_setting,
    each_trouble,
    many_calls,
    shared_waits,
    token_ends,
    tokens_at_once,
)
from .junit import Case, write_junit
from .options import Options, read_options
from .story import COLOURS, FindingError, Telling
from .story_machine import tell_stories
from .summary import write_summary
from .troubles import TROUBLES

STORIES = 140
STEPS = 40
MOST_ROUNDS = 3
"""How many rounds a short run has to let everything happen. One will do for most seeds."""
KINDS = (
    "start", "stop", "reboot", "failing change", "resize", "uploadImage", "attach", "detach",
    "detach, lost and refused", "addFloatingIp",
    "removeFloatingIp", "addSecurityGroup", "removeSecurityGroup", "delete", "migration", "create", "create several",
    "create, lose the reply", "create, lose the request", "create, somebody else too", "create, once more",
    "create, see nothing",
    "upload key pair", "create key pair", "delete key pair",
    "get key pair", "issue token", "revoke tokens", "time passes", "catalogue", "wait", "wait for all",
    "wait until deleted", "change and wait", "old read", "wait for what fails", "deadline", "map", "get", "get details",
)  # fmt: skip
"""Every kind of step that a run has to have taken."""
CHECKS = {
    name: check
    for module in (
        tokens_at_once,
        token_ends,
        many_calls,
        shared_waits,
        each_argument,
        each_option,
        each_method,
        each_move,
        each_setting,
        each_trouble,
        each_sequence,
    )
    for name, check in module.CHECKS.items()
}
"""What is looked at before the stories, by name."""


def main(arguments: Sequence[str]) -> int:
    """Run this part, and return its exit status: 0 nothing found, 1 something found, 2 bad use."""
    options = read_options("story", "Hold SDK and mock against a model, in stories of many calls.", arguments)
    began, telling = time.monotonic(), Telling()
    cases = list(_at_once())
    if not any(case.problem for case in cases):
        for seed in _seeds(options, telling):
            start = time.monotonic()
            finding = tell_stories(seed, telling, stories=STORIES, steps=STEPS)
            cases.append(Case(f"stories of seed {seed}", time.monotonic() - start, _told(finding, seed)))
            if finding is not None:
                break
        else:
            missed = not_reached(telling)
            cases.append(Case("everything happened", problem=f"Did not happen: {', '.join(missed)}." if missed else ""))
    found = [case for case in cases if case.problem]
    for case in found:
        print(case.problem)
    said = (
        f"story: {telling.stories} stories, {len(telling.steps)} of {len(KINDS)} kinds of steps, "
        f"{len(telling.carried_out)} of {len(LIFECYCLE.operations)} moves, "
        f"{len(telling.statuses)} of {len(LIFECYCLE.states)} statuses, {len(telling.troubles)} of {len(TROUBLES)} "
        f"troubles ({telling.troubles.total()} times), {len(telling.colours)} colours, {len(found)} findings, "
        f"{time.monotonic() - began:.1f} s"
    )
    print(said)
    counts = {
        "Steps": telling.steps,
        "Moves": telling.carried_out,
        "Statuses": telling.statuses,
        "Troubles": telling.troubles,
    }
    write_junit(options.reports / "story.xml", "story", cases)
    write_summary(options.reports / "story.md", "Stories", said, cases, counts)
    return 1 if found else 0


def not_reached(telling: Telling) -> list[str]:
    """Return what has not happened in any story, and has to."""
    missed = {*KINDS} - telling.steps.keys() | {*LIFECYCLE.states} - telling.statuses.keys()
    missed |= {*TROUBLES} - telling.troubles.keys() | {*COLOURS} - telling.colours
    return sorted(
        [*missed, *(f"a success of {move}" for move in LIFECYCLE.operations.keys() - telling.carried_out.keys())]
    )


def _seeds(options: Options, telling: Telling) -> Iterator[int]:
    """The seeds of all rounds: one, a few more if something has not happened yet, and more as long as there is time."""
    ends = time.monotonic() + 60 * (options.minutes or 0)
    for seed in count(options.seed):
        yield seed
        is_missing = bool(not_reached(telling)) and seed + 1 < options.seed + MOST_ROUNDS
        if not is_missing and time.monotonic() >= ends:
            return


def _at_once() -> Iterator[Case]:
    for name, check in CHECKS.items():
        start = time.monotonic()
        problem = check()
        told = f"{name}: {problem}\n  replay: {command('story')}" if problem else ""
        yield Case(name, time.monotonic() - start, told)


def _told(finding: FindingError | None, seed: int) -> str:
    if finding is None:
        return ""
    steps = [f"  {number}. {step}" for number, step in enumerate(finding.steps, 1)]
    return "\n".join([str(finding), *steps, f"  replay: {command('story')} --seed {seed}"])
