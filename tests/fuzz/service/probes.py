"""Does the service keep others out? Good requests with tokens that open nothing, and things of somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from toast_compute_api.behaviour import TOKEN_HEADER

from .arranging import Parts
from .calls import request_for
from .exchange import Exchange, JsonObject, Request
from .material import Material, spec_of
from .run import OWN, Run
from .state_checks import DELETE
from .target import Credentials, TargetError

MISSING = "missing"
UNKNOWN = "unknown"
EXPIRED = "expired"
FOREIGN = "foreign"
OTHER_APPKEY = "unknown appkey"
ALWAYS = (MISSING, UNKNOWN, OTHER_APPKEY)
"""The probes that need nothing to be given."""

_KEY = TOKEN_HEADER.lower()
_NO_TOKEN = "no-such-token"
_NO_APPKEY = "no-such-appkey"
_A_TOKENS_LIFE = 3_601.0  # one second more than the mock lets a token live


def quota_is_kept(there: int, quota: int) -> Iterator[str]:
    """No more instances can be created than the quota allows."""
    if there > quota:
        yield f"lets {there} instances be there where the quota is {quota}"


def strange_instance_stays(before: JsonObject | None, after: JsonObject | None) -> Iterator[str]:
    """What belongs to another user is as it was, whatever was tried on it."""
    if before is not None and after != before:
        yield "changes an instance of another user"


class Prober:
    """Sends the requests of one run that are to be kept out."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._probed: set[str] = set()
        self._expired = run.target.impostors().expired
        self._stranger = run.target.stranger()
        self._strange: tuple[str, JsonObject | None] | None = None
        if self._expired:
            run.secrets.add(self._expired)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of probes that this run can send."""
        has_foreign = bool(self._stranger or self._run.target.impostors().foreign)
        return (*ALWAYS, *([EXPIRED] if self._expired else []), *([FOREIGN] if has_foreign else []))

    def let_a_token_expire(self) -> None:
        """Get a token and wait for its end, where time can be moved on.

        It is tried everywhere at once: a service may forget it when it issues the next one.
        """
        run = self._run
        if self._expired is None and run.target.is_exact:
            self._expired = run.log_in(run.target.credentials)
            run.target.rest(_A_TOKENS_LIFE)
        if self._expired is not None:
            for operation in run.contract.operations:
                if run.contract.needs_token(operation):
                    run.tally.probes[EXPIRED] += 1
                    run.call(operation, {"instanceId": "x", "id": "x"}, token=self._expired)
            run.call("getToken", {"id": self._expired})

    def try_doors(self, operation: str, action: str, parts: Parts, parameters: dict[str, str]) -> None:
        """Send a request that would be accepted, with every token that must not open anything; once a name."""
        run = self._run
        name = f"{operation}.{action}" if action else operation
        if name in self._probed or not run.contract.needs_token(operation):
            return
        self._probed.add(name)
        body = parts.body if isinstance(parts.body, dict) else None
        good = run.request(operation, parameters, body)
        for kind, request in self._spoilt(good):
            run.tally.probes[kind] += 1
            run.send(request, phase=OWN)

    def _spoilt(self, good: Request) -> Iterator[tuple[str, Request]]:
        credentials = self._run.target.credentials
        without = {name: value for name, value in good.headers.items() if name != _KEY}
        yield MISSING, replace(good, headers=without)
        yield UNKNOWN, replace(good, headers={**without, _KEY: _NO_TOKEN})
        if self._expired:
            yield EXPIRED, replace(good, headers={**without, _KEY: self._expired})
        foreign = self._foreign()
        if foreign:
            yield FOREIGN, replace(good, headers={**without, _KEY: foreign})
        appkey = f"/{quote(credentials.appkey, safe='')}/"
        yield OTHER_APPKEY, replace(good, target=good.target.replace(appkey, f"/{_NO_APPKEY}/", 1))

    def _foreign(self) -> str | None:
        """A token that is valid elsewhere."""
        if self._stranger is None:
            return self._run.target.impostors().foreign
        return self._run.log_in(self._stranger)

    def let_a_stranger_in(self, material: Material) -> None:
        """Let another user make an instance, where there is another user."""
        if self._stranger is None:
            return
        body = spec_of(material, "strange", "strange-key")
        self._as(self._stranger, "createKeypair", body={"keypair": {"name": "strange-key"}})
        made = self._as(self._stranger, "createInstance", body=body)
        if made is None:
            raise TargetError("the other user cannot create an instance")
        strange_id: str = made["instance"]["id"]
        self._run.ledger.strange.add(strange_id)
        self._run.target.rest(0.0)
        self._strange = (strange_id, self._look(self._stranger, strange_id))

    def touch_the_strange(self) -> None:
        """Try everything on the other user's instance."""
        if self._strange is None or self._stranger is None:
            return
        strange_id, _ = self._strange
        run = self._run
        before = self._look(self._stranger, strange_id)
        run.call("listInstances", {"id": strange_id})
        run.call("listInstanceDetails", {"id": strange_id})
        run.call("runInstanceAction", {"instanceId": strange_id}, {"action": "stop"})
        last = run.call(DELETE, {"id": strange_id})
        after = self._look(self._stranger, strange_id)
        for sentence in strange_instance_stays(before, after):
            run.report(strange_instance_stays.__name__, run.meaning(last), sentence, last)

    def use_up_the_quota(self, material: Material, keypair: str) -> None:
        """Create more instances than the quota allows, where it is known."""
        run, quota = self._run, run_quota(self._run)
        if quota is None:
            return
        body = spec_of(material, "many", keypair)
        body["instance"]["count"] = 10
        last: Exchange | None = None
        for _ in range(quota // 10 + 2):
            last = run.call("createInstance", body=body)
        assert last is not None
        listed = run.call("listInstances")
        there = len((listed.content or {}).get("instances", []))
        for sentence in quota_is_kept(there, quota):
            run.report(quota_is_kept.__name__, run.meaning(last), sentence, last)

    def _look(self, who: Credentials, instance_id: str) -> JsonObject | None:
        content = self._as(who, "listInstanceDetails", parameters={"id": instance_id})
        return content["instances"][0] if content and content.get("instances") else None

    def _as(
        self,
        who: Credentials,
        operation: str,
        *,
        parameters: dict[str, str] | None = None,
        body: JsonObject | None = None,
    ) -> JsonObject | None:
        """Make a call as somebody else; it is not judged, since the ledger is not about their things."""
        request = request_for(
            self._run.contract,
            operation,
            appkey=who.appkey,
            token=self._run.log_in(who),
            parameters=parameters,
            body=body,
        )
        reply = self._run.target.send(request)
        return reply.content if reply.accepted else None


def run_quota(run: Run) -> int | None:
    """Return how many instances there can be, where that is known and nobody else uses them up."""
    return run.target.quota if run.target.is_exact else None
