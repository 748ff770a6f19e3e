"""Does one call survive everything that may come back to it? One Hypothesis test for each call, in both colours."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from .calls import Call
from .chance import settings_for
from .facts import document, schema_named
from .reply_checks import Expectation, is_refusal, is_success, success_schema
from .reply_leniency import LENIENCIES
from .reply_mutations import MUTATIONS, encode
from .reply_runs import COLOURS, SECRETS, SENSITIVE, Bench, secrets_sent
from .reply_troubles import EXCEPTIONS, one_exception, troubles
from .reply_values import values
from .served import Served

STRICT = "strict success"
REFUSED = "strict refusal"
_MOST_CHANCE = 2**32 - 1


def kinds() -> list[str]:
    """Return every kind of reply that a run has to have served."""
    exceptions = [f"exception: {name}" for name in EXCEPTIONS]
    return [STRICT, REFUSED, *LENIENCIES, *MUTATIONS, *troubles((), ()), *exceptions]


class FindingError(Exception):
    """Something is wrong; the text is one sentence, and the bytes that were served are with it."""

    def __init__(self, call: Call, colour: str, kind: str, problem: str, served: Served) -> None:
        super().__init__(f"{call.name}, {colour}, {kind}: {problem}")
        self.served = served


@dataclass
class Tally:
    """What was tried."""

    kinds: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    """The calls by method and colour."""


def try_call(bench: Bench, call: Call, seed: int, examples: int, tally: Tally) -> FindingError | None:
    """Serve a call so many successes and refusals, and each of them changed in every way.

    Returns what is wrong, with the smallest reply that shows it.
    """

    def meet(kind: str, served: Served, expected: Expectation | None = None) -> None:
        for colour in COLOURS:
            tally.kinds[kind] += 1
            tally.methods[f"{call.method} {colour}"] += 1
            problem = bench.find(call, served, colour, expected)
            if problem:
                raise FindingError(call, colour, kind, problem, served)

    @hypothesis.seed(f"{seed}/{call.name}")
    @settings_for(examples)
    @given(_successes(call), _refusals(), st.integers(0, _MOST_CHANCE))
    def test(success: dict[str, Any], refusal: dict[str, Any], number: int) -> None:
        chance = random.Random(number)
        meet(STRICT, Served(encode(success)), is_success(success, success))
        header = refusal["header"]
        meet(REFUSED, Served(encode(refusal)), is_refusal(header["resultCode"], header["resultMessage"]))
        schema = schema_named(success_schema(call))
        for kind, write in LENIENCIES.items():
            unusual = write(success, schema, chance)
            if unusual is not None:
                meet(kind, unusual.served, is_success(unusual.meaning, unusual.literal))
        for kind, change in {**MUTATIONS, **troubles(secrets_sent(call), SECRETS)}.items():
            meet(kind, change(success, chance))

    try:
        test()
    except FindingError as finding:
        return finding
    return None


def try_exceptions(bench: Bench, call: Call, tally: Tally) -> FindingError | None:
    """Let the transport raise each of its exceptions once, with secrets in their texts."""
    for name in EXCEPTIONS:
        kind, served = f"exception: {name}", one_exception(name, secrets_sent(call), SECRETS)
        for colour in COLOURS:
            tally.kinds[kind] += 1
            tally.methods[f"{call.method} {colour}"] += 1
            problem = bench.find(call, served, colour)
            if problem:
                return FindingError(call, colour, kind, problem, served)
    return None


def _successes(call: Call) -> st.SearchStrategy[dict[str, Any]]:
    made = values(schema_named(success_schema(call)), SENSITIVE)
    if call.wanted is None:
        return made
    member, key, value = call.wanted

    def with_the_one(reply: dict[str, Any], place: int) -> dict[str, Any]:
        """Let one of those in the reply be the one that is asked for, or none."""
        entries = reply[member]
        if place < len(entries):
            entries[place][key] = value
        return reply

    return st.builds(with_the_one, made, st.integers(0, 3))


def _refusals() -> st.SearchStrategy[dict[str, Any]]:
    made = values(schema_named("Failure"), SENSITIVE)
    rules = document()["x-result-codes"]
    known = [one["code"] for one in rules["codes"] if one["code"]]
    known += [part["from"] // 1000 * 1000 + int(status) for part in rules["ranges"] for status in rules["statuses"]]

    def with_code(reply: dict[str, Any], code: int | None) -> dict[str, Any]:
        if code is not None:
            reply["header"]["resultCode"] = code
        return reply

    return st.builds(with_code, made, st.none() | st.sampled_from(known))
