"""What is to be seen before and after a change? Looks from several sides, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toast_compute_api.behaviour import LIFECYCLE

from ..check.instance_checks import DELETE, shown_instances, target_of
from ..contract import Meaning
from ..exchange import Exchange, JsonObject
from ..run import Run

BRIEF = "listInstances"
DETAIL = "listInstanceDetails"
_IN_BRIEF = ("id", "name", "status")
_MOVES_BY_ITSELF = ("status", "flavor", "updatedAt", "launchedAt")  # when a change ends that was begun before


def list_and_detail_agree(brief: list[JsonObject], detail: list[JsonObject], *, is_exact: bool) -> Iterator[str]:
    """The same instances, asked for in brief and in detail at the same time, have the same name and status."""
    in_brief = {one["id"]: one for one in brief}
    in_detail = {one["id"]: one for one in detail}
    if is_exact and list(in_brief) != list(in_detail):
        yield f"lists {len(in_detail)} instances where {BRIEF} lists {len(in_brief)}, or others"
    for instance_id in in_brief.keys() & in_detail.keys():
        one, other = in_brief[instance_id], in_detail[instance_id]
        for member in _IN_BRIEF:
            may_have_moved = member == "status" and not is_exact and other[member] in _following(one[member])
            if one[member] != other[member] and not may_have_moved:
                shown = f"{other[member]} where {BRIEF} shows {one[member]}" if member == "status" else "another one"
                yield f"shows as {member} {shown}"


def refusal_changes_nothing(before: JsonObject, after: JsonObject, *, is_exact: bool) -> Iterator[str]:
    """What was refused has not been done: the instance looks as before."""
    ignored = () if is_exact else _MOVES_BY_ITSELF
    changed = [name for name in before if name not in ignored and before[name] != after.get(name)]
    if changed:
        yield f"is refused and changes {', '.join(changed)} of the instance all the same"


def as_many_as_asked_for(new: int, asked: int, *, is_exact: bool) -> Iterator[str]:
    """A create makes as many instances as it was asked for."""
    if new < asked or (is_exact and new > asked):
        yield f"makes {new} instances where {asked} were asked for"


def _following(status: str) -> set[str]:
    """The statuses that can be seen a moment after this one."""
    nearest = set(LIFECYCLE.states[status].next)
    return nearest | {after for one in nearest for after in LIFECYCLE.states[one].next}


class Lookout:
    """Looks at the service for a run, with requests of the run's own."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._before: JsonObject | None = None

    def at(self, instance_id: str) -> JsonObject | None:
        """Return the detail of an instance; None when it is not found."""
        exchange = self._run.call(DETAIL, {"id": instance_id})
        shown = self._shown(exchange)
        if not shown and exchange.reply.code:
            self._run.ledger.note_missing(instance_id)
        return shown[0] if shown else None

    def from_both_sides(self, instance_id: str | None) -> JsonObject | None:
        """Look at one instance, or at all, in brief and in detail, and say where they differ."""
        parameters = {} if instance_id is None else {"id": instance_id}
        brief = self._run.call(BRIEF, parameters)
        detail = self._run.call(DETAIL, parameters)
        if brief.reply.accepted and detail.reply.accepted:
            is_exact = self._run.target.is_exact
            said = list_and_detail_agree(self._shown(brief), self._shown(detail), is_exact=is_exact)
            self._run.hold(list_and_detail_agree.__name__, said, detail)
        elif brief.reply.accepted != detail.reply.accepted and self._run.target.is_exact:
            sentence = f"answers {detail.reply.code} where {BRIEF} answers {brief.reply.code}"
            self._run.hold(list_and_detail_agree.__name__, [sentence], detail)
        shown = self._shown(detail)
        return shown[0] if shown else None

    def before_at(self, instance_id: str) -> None:
        """Look at an instance that is going to be changed."""
        self._before = self.at(instance_id)

    def before(self, meaning: Meaning) -> None:
        """Look at what a request is going to change."""
        self._before = None
        known = self._run.ledger.instances.get(target_of(meaning))
        if known is not None and not known.gone and self._run.contract.changes(meaning.operation):
            self.before_at(known.id)

    def after(self, exchange: Exchange) -> None:
        """Look at what a request has changed."""
        meaning = self._run.meaning(exchange)
        before, self._before = self._before, None
        if not meaning.operation or not self._run.contract.changes(meaning.operation):
            return
        match meaning.operation:
            case "createInstance":
                if exchange.reply.accepted and not meaning.faults:
                    self._after_create(exchange, meaning)
            case "createKeypair" | "deleteKeypair":
                self._run.call("listKeypairs")
                name = meaning.parameter("name") or meaning.member("keypair", "name")
                if isinstance(name, str) and name in self._run.ledger.keypairs:
                    self._run.call("listKeypairs", {"name": name})
            case _:
                self._after_change(exchange, meaning, before)

    def _after_change(self, exchange: Exchange, meaning: Meaning, before: JsonObject | None) -> None:
        known = self._run.ledger.instances.get(target_of(meaning))
        if known is None or before is None:
            return
        after = self.from_both_sides(known.id)
        if not exchange.reply.accepted and after is not None:
            is_exact = self._run.target.is_exact
            self._run.hold(
                refusal_changes_nothing.__name__, refusal_changes_nothing(before, after, is_exact=is_exact), exchange
            )
        if exchange.reply.accepted and meaning.operation == DELETE:
            self.from_both_sides(None)

    def _after_create(self, exchange: Exchange, meaning: Meaning) -> None:
        """Look at all instances, and learn which others were made by the same request."""
        ledger = self._run.ledger
        spec: Any = meaning.member("instance")
        first = (exchange.content or {})["instance"]["id"]
        shown = self._shown(self._run.call(BRIEF))
        new = [
            one["id"]
            for one in shown
            if one["name"] == spec["name"] and (one["id"] == first or one["id"] not in ledger.created_before)
        ]
        asked = int(spec.get("count", 1))
        said = as_many_as_asked_for(len(new), asked, is_exact=self._run.target.is_exact)
        self._run.hold(as_many_as_asked_for.__name__, said, exchange)
        for instance_id in new:
            if instance_id != first:
                ledger.adopt(spec, instance_id, exchange.at)
        ledger.created_before |= {one["id"] for one in shown}
        self.from_both_sides(None)

    def _shown(self, exchange: Exchange) -> list[JsonObject]:
        """The instances that a reply shows; none when the reply cannot be read."""
        meaning = self._run.meaning(exchange)
        name = f"#/components/schemas/{self._run.contract.success_name(meaning.operation, '')}"
        if exchange.content is None or self._run.contract.problem(name, exchange.content) is not None:
            return []
        return shown_instances(exchange, meaning)
