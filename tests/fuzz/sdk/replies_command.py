"""Does the SDK understand every reply of the contract, and survive every other? `python -m tests.fuzz replies`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from ..replaying import command
from .calls import Call, calls, public_methods
from .junit import Case, write_junit
from .options import Options, read_options
from .reply_checks import success_schema
from .reply_run import FindingError, Tally, kinds, try_call, try_exceptions
from .reply_runs import COLOURS, Bench, open_bench
from .reply_troubles import bomb
from .summary import write_summary

EXAMPLES = 3
"""How many successes and refusals each call is served in a round, each changed in every way."""
_EXAMPLES_OF_NOTHING = 2  # where a success is a header and nothing else, one is like another
MOST_FINDINGS = 2
"""A run ends when so many calls have failed: one mistake is seen by many."""
_BOMBED = ("instances.attach_volume",)
_SHOWN_BYTES = 400


def main(arguments: Sequence[str]) -> int:
    """Run this part, and return its exit status: 0 nothing found, 1 something found, 2 bad use."""
    every = {call.name: call for call in calls()}
    options = read_options("replies", "Serve the SDK replies of the contract, and wrong ones.", arguments, every.keys())
    chosen = list(every.values()) if options.only is None else [every[options.only]]
    began, tally, cases = time.monotonic(), Tally(), list[Case]()
    with open_bench() as bench:
        for seed in _seeds(options):
            cases += _round(bench, chosen, seed, tally)
            if any(case.problem for case in cases):
                break
        made = bench.made
    if options.only is None and not any(case.problem for case in cases):
        missed = not_reached(tally)
        cases.append(Case("everything was tried", problem=f"Not tried: {', '.join(missed)}." if missed else ""))
    found = [case for case in cases if case.problem]
    for case in found:
        print(case.problem)
    methods = {name.split()[0] for name in tally.methods}
    said = (
        f"replies: {made} calls, {len(methods)} of {len(public_methods())} methods, "
        f"{len(COLOURS)} colours, {len(tally.kinds)} of {len(kinds())} kinds of replies, {len(found)} findings, "
        f"{time.monotonic() - began:.1f} s"
    )
    print(said)
    write_junit(options.reports / "replies.xml", "replies", cases)
    counts = {"Methods": tally.methods, "Replies": tally.kinds}
    write_summary(options.reports / "replies.md", "Replies", said, cases, counts)
    return 1 if found else 0


def not_reached(tally: Tally) -> list[str]:
    """Return which methods and which kinds of replies a run has left out."""
    methods = {f"{method} {colour}" for method in public_methods() for colour in COLOURS}
    return sorted([*(methods - tally.methods.keys()), *(set(kinds()) - tally.kinds.keys())])


def _seeds(options: Options) -> Iterator[int]:
    """The seeds of all rounds: one, or one after another as long as there is time."""
    ends = time.monotonic() + 60 * (options.minutes or 0)
    seed = options.seed
    yield seed
    while time.monotonic() < ends:
        seed += 1
        yield seed


def _round(bench: Bench, chosen: Sequence[Call], seed: int, tally: Tally) -> Iterator[Case]:
    findings = 0
    for call in chosen:
        began = time.monotonic()
        examples = _EXAMPLES_OF_NOTHING if success_schema(call) == "EmptySuccess" else EXAMPLES
        finding = try_exceptions(bench, call, tally) or try_call(bench, call, seed, examples, tally)
        if finding is None and call.name in _BOMBED:
            finding = _bombed(bench, call)
        problem = "" if finding is None else _told(finding, call, seed)
        yield Case(call.name, time.monotonic() - began, problem)
        findings += finding is not None
        if findings >= MOST_FINDINGS:
            return


def _bombed(bench: Bench, call: Call) -> FindingError | None:
    for colour in COLOURS:
        problem = bench.find(call, bomb(), colour)
        if problem:
            return FindingError(call, colour, "decompression bomb", problem, bomb())
    return None


def _told(finding: FindingError, call: Call, seed: int) -> str:
    served = finding.served
    what = (
        f"HTTP {served.status}, {served.body[:_SHOWN_BYTES]!r}" if served.is_reply else "an exception of the transport"
    )
    more = f" and {len(served.body) - _SHOWN_BYTES} bytes more" if len(served.body) > _SHOWN_BYTES else ""
    return f"{finding}\n  served: {what}{more}\n  replay: {command('replies')} --seed {seed} --only '{call.name}'"
