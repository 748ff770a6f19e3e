"""Read what a change has done, from several sides, and compare it with what was there before."""

from __future__ import annotations

from collections.abc import Iterator

from toast_compute_api.behaviour import LIFECYCLE

from ..check.instance_checks import shown_instances
from ..contract import BRIEF, DELETE, DETAIL, Meaning
from ..exchange import Exchange, JsonObject
from ..run import Run

_IN_BRIEF = ("id", "name", "status")
_CHANGES_BY_ITSELF = ("status", "flavor", "updatedAt", "launchedAt")  # when an earlier change ends


def list_differences(brief: list[JsonObject], detail: list[JsonObject], *, is_exact: bool) -> Iterator[str]:
    """Return where the same instances, listed in brief and in detail at the same time, differ."""
    in_brief = {one["id"]: one for one in brief}
    in_detail = {one["id"]: one for one in detail}
    if is_exact and list(in_brief) != list(in_detail):
        yield f"lists {len(in_detail)} instances where {BRIEF} lists {len(in_brief)}, or others"
    for instance_id in in_brief.keys() & in_detail.keys():
        one, other = in_brief[instance_id], in_detail[instance_id]
        for member in _IN_BRIEF:
            may_have_moved = member == "status" and not is_exact and other[member] in _following(one[member])
            if one[member] != other[member] and not may_have_moved:
                value = f"{other[member]} where {BRIEF} shows {one[member]}" if member == "status" else "another value"
                yield f"shows as {member} {value}"


def changed_members(before: JsonObject, after: JsonObject, *, is_exact: bool) -> list[str]:
    """Return the members that differ in two details, without those that change by themselves."""
    ignored = () if is_exact else _CHANGES_BY_ITSELF
    return [name for name in before if name not in ignored and before[name] != after.get(name)]


def _following(status: str) -> set[str]:
    """Return the statuses that can be shown a moment after this one."""
    nearest = set(LIFECYCLE.states[status].next)
    return nearest | {after for one in nearest for after in LIFECYCLE.states[one].next}


class Observer:
    """Reads instances for a run, with requests of the run's own."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._is_exact = run.target.is_exact
        self._before: JsonObject | None = None

    def read(self, instance_id: str) -> JsonObject | None:
        """Return the detail of an instance; None when it is not found."""
        exchange = self._run.call(DETAIL, {"id": instance_id})
        shown = self._shown(exchange)
        known = self._run.ledger.instances.get(instance_id)
        if not shown and exchange.reply.code and known is not None and known.deleted:
            known.gone = True
        return shown[0] if shown else None

    def read_anew(self, instance_id: str) -> None:
        """Read an instance that the service itself has changed: its status need not follow the last one."""
        known = self._run.ledger.instances[instance_id]
        known.status, known.change = "", None
        self.read(instance_id)

    def compare(self, instance_id: str | None = None) -> JsonObject | None:
        """Read one instance, or all, in brief and in detail, and report where they differ."""
        parameters = {} if instance_id is None else {"id": instance_id}
        brief, detail = (self._run.call(operation, parameters) for operation in (BRIEF, DETAIL))
        shown = self._shown(detail)
        found: list[str] = []
        if brief.reply.accepted and detail.reply.accepted:
            found = list(list_differences(self._shown(brief), shown, is_exact=self._is_exact))
        elif brief.reply.accepted != detail.reply.accepted and self._is_exact:
            found = [f"answers {detail.reply.code} where {BRIEF} answers {brief.reply.code}"]
        self._run.expect("list_and_detail_agree", not found, "; ".join(found), detail)
        return shown[0] if shown else None

    def read_before(self, instance_id: str) -> None:
        """Read an instance that is going to be changed."""
        self._before = self.read(instance_id)

    def before(self, meaning: Meaning) -> None:
        """Read what a request is going to change."""
        self._before = None
        known = self._run.ledger.instances.get(meaning.instance_id)
        if known is not None and not known.gone and self._run.contract.changes(meaning.operation):
            self.read_before(known.id)

    def after(self, exchange: Exchange) -> None:
        """Read what a request has changed."""
        run, meaning = self._run, self._run.meaning(exchange)
        before, self._before = self._before, None
        if not meaning.operation or not run.contract.changes(meaning.operation):
            return
        match meaning.operation:
            case "createInstance":
                if exchange.reply.accepted and not meaning.faults:
                    self._after_create(exchange, meaning)
            case "createKeypair" | "deleteKeypair":
                run.call("listKeypairs")
                name = meaning.parameter("name") or meaning.member("keypair", "name")
                if isinstance(name, str) and name in run.ledger.keypairs:
                    run.call("listKeypairs", {"name": name})
            case _:
                self._after_change(exchange, meaning, before)

    def _after_change(self, exchange: Exchange, meaning: Meaning, before: JsonObject | None) -> None:
        known = self._run.ledger.instances.get(meaning.instance_id)
        if known is None or before is None:
            return
        after = self.compare(known.id)
        if not exchange.reply.accepted and after is not None:
            changed = changed_members(before, after, is_exact=self._is_exact)
            sentence = f"is refused and changes {', '.join(changed)} of the instance"
            self._run.expect("refusal_changes_nothing", not changed, sentence, exchange)
        if exchange.reply.accepted and meaning.operation == DELETE:
            self.compare()

    def _after_create(self, exchange: Exchange, meaning: Meaning) -> None:
        """Read all instances, and record which others were made by the same request."""
        ledger, spec = self._run.ledger, meaning.member("instance")
        first = exchange.content["instance"]["id"]
        shown = self._shown(self._run.call(BRIEF))
        new = [
            one["id"]
            for one in shown
            if one["name"] == spec["name"] and (one["id"] == first or one["id"] not in ledger.listed_ids)
        ]
        asked = int(spec.get("count", 1))
        is_right = len(new) == asked or (len(new) > asked and not self._is_exact)
        sentence = f"makes {len(new)} instances where {asked} were asked for"
        self._run.expect("create_makes_as_many_as_asked_for", is_right, sentence, exchange)
        for instance_id in new:
            if instance_id != first:
                ledger.add_created(spec, instance_id, exchange.at)
        ledger.listed_ids |= {one["id"] for one in shown}
        self.compare()

    def _shown(self, exchange: Exchange) -> list[JsonObject]:
        """Return the instances that a reply shows; none when the reply cannot be read."""
        meaning = self._run.meaning(exchange)
        is_readable = self._run.contract.is_success(meaning.operation, exchange.content)
        return shown_instances(exchange, meaning) if is_readable else []
