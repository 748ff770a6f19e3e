"""Does the service keep others out? Good requests with tokens that open nothing, and things of somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from toast_compute_api.behaviour import TOKEN_HEADER

from ..calls import request_for
from ..check.instance_checks import DELETE
from ..exchange import Exchange, JsonObject, Request
from ..run import OWN, Run
from ..target import Credentials, TargetError
from .fixtures import Material, spec_of
from .preparation import Parts

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
_PAST_ITS_END = 1.0  # seconds, after which a token is expired by any clock


def quota_is_kept(there: int, quota: int) -> Iterator[str]:
    """No more instances can be created than the quota allows."""
    if there > quota:
        yield f"lets {there} instances be there where the quota is {quota}"


def strange_instance_stays(before: JsonObject | None, after: JsonObject | None) -> Iterator[str]:
    """What belongs to another user is as it was, whatever was tried on it."""
    if before is not None and after != before:
        yield "changes an instance of another user"


def other_token_is_unknown(exchange: Exchange, what: str) -> Iterator[str]:
    """A token that is expired or of another user is not told about."""
    if exchange.reply.accepted:
        yield f"tells of a token that is {what}"


class Prober:
    """Sends the requests of one run that are to be kept out."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._probed: set[str] = set()
        self._stranger = run.target.stranger()
        self._strange: tuple[str, JsonObject | None] | None = None
        run.secrets.update(filter(None, (run.target.impostors().expired, run.target.impostors().foreign)))
        if self._stranger is not None:
            run.secrets.update((self._stranger.appkey, self._stranger.password))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of probes that this run can send."""
        has_foreign = bool(self._stranger or self._run.target.impostors().foreign)
        has_expired = bool(self._run.target.is_exact or self._run.target.impostors().expired)
        return (*ALWAYS, *([EXPIRED] if has_expired else []), *([FOREIGN] if has_foreign else []))

    def ask_for_other_tokens(self) -> None:
        """Look up tokens that are expired or somebody else's, and log in with what is nearly the password."""
        run = self._run
        for get, what in ((self._expired, "expired"), (self._foreign, "somebody else's")):
            id = get()
            if id is not None:
                exchange = run.call("getToken", {"id": id})
                run.hold(other_token_is_unknown.__name__, other_token_is_unknown(exchange, what), exchange)
        credentials = run.target.credentials
        right = credentials.password
        wrong = [f"{right}x", f"x{right}", right[:-1], right.swapcase(), f"{right} ", credentials.username]
        if self._stranger is not None:
            wrong.append(self._stranger.password)
        for password in dict.fromkeys(wrong):
            if password not in ("", right):
                run.call("issueToken", body={"auth": {"username": credentials.username, "password": password}})
        if run.target.is_exact:  # elsewhere, an account may be found however it is written
            name = credentials.username
            for username in (name.swapcase(), f"{name}x", name[:-1]):
                run.call("issueToken", body={"auth": {"username": username, "password": right}})

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

    def _expired(self) -> str | None:
        """A token whose end has just passed, where time can be moved on: one that was forgotten is merely unknown."""
        run = self._run
        if not run.target.is_exact:
            return run.target.impostors().expired
        token = run.log_in(run.target.credentials)
        run.target.rest(run.ledger.tokens[token] - run.target.now() + _PAST_ITS_END)
        return token

    def _spoilt(self, good: Request) -> Iterator[tuple[str, Request]]:
        credentials = self._run.target.credentials
        without = {name: value for name, value in good.headers.items() if name != _KEY}
        yield MISSING, replace(good, headers=without)
        yield UNKNOWN, replace(good, headers={**without, _KEY: _NO_TOKEN})
        foreign = self._foreign()
        if foreign:
            yield FOREIGN, replace(good, headers={**without, _KEY: foreign})
        appkey = f"/{quote(credentials.appkey, safe='')}/"
        yield OTHER_APPKEY, replace(good, target=good.target.replace(appkey, f"/{_NO_APPKEY}/", 1))
        # The last one: a service may forget it at the next login.
        expired = self._expired()
        if expired:
            yield EXPIRED, replace(good, headers={**without, _KEY: expired})

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
        run.hold(strange_instance_stays.__name__, strange_instance_stays(before, after), last)

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
        run.hold(quota_is_kept.__name__, quota_is_kept(there, quota), last)

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
