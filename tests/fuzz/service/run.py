"""One run against one target: every exchange is counted, checked, and recorded in the ledger."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from .check.exchange_checks import EXCHANGE_CHECKS
from .check.instance_checks import INSTANCE_CHECKS
from .check.keypair_checks import KEYPAIR_CHECKS
from .check.ledger import Ledger
from .contract import ACTION, DELETE, Meaning, contract
from .exchange import Exchange, JsonObject, Reply, Request
from .target import Credentials, Target, TargetError

PHASES = ("examples", "coverage", "fuzzing", "stateful")
"""The phases of the engine."""
OWN = "own"
"""The phase of the requests that the run makes to prepare and to observe."""
Notify: TypeAlias = Callable[[str], None]
"""Receives the name of each phase when it begins."""
_CHECKS = (*EXCHANGE_CHECKS, *INSTANCE_CHECKS, *KEYPAIR_CHECKS)
_SCHEMA_CHECK = "reply_keeps_its_schema"
_LIFETIME_LEFT = 300.0  # seconds that a token has to live when it is used, so that none expires unintentionally


@dataclass
class Finding:
    """A departure from the contract, first seen in this exchange. Found again, it is only counted."""

    check: str
    name: str
    sentence: str
    number: int
    request: Request
    count: int = 1


class Counters:
    """What a run has tried."""

    def __init__(self) -> None:
        self.codes: Counter[tuple[str, int | None]] = Counter()
        """By operation or action, and result code."""
        self.states: Counter[tuple[str, str, bool]] = Counter()
        """By operation or action, status of the instance before it, and whether it was accepted."""
        self.phases: Counter[str] = Counter()
        self.links: Counter[str] = Counter()
        self.probes: Counter[str] = Counter()
        self.checks = {check.__name__ for check in _CHECKS}
        """Every check that was made."""
        self.accepted: set[str] = set()
        """Operations and actions of which a valid request of the engine was accepted."""


class Run:
    """One run against one target."""

    def __init__(
        self, target: Target, *, until: int | None = None, fail_fast: bool = False, notify: Notify | None = None
    ) -> None:
        self.target = target
        self.contract = contract()
        self.ledger = Ledger(is_exact=target.is_exact)
        self.ledger.login = (target.credentials.username, target.credentials.password)
        self.ledger.secrets.update((target.credentials.appkey, target.credentials.password))
        self.counters = Counters()
        self.findings: dict[tuple[str, str], Finding] = {}
        self.number = 0
        self.lost: str | None = None
        """Why the service does not reply any more."""
        self.notify = notify or (lambda _: None)
        self._digest = hashlib.sha256()
        self._until = until
        self._fail_fast = fail_fast
        self._token = ""

    @property
    def is_over(self) -> bool:
        """Whether the run has come to the exchange at which it is to end, or has lost the service."""
        if self.lost is not None or (self._fail_fast and self.findings):
            return True
        return self._until is not None and self.number >= self._until

    @property
    def fingerprint(self) -> str:
        """A digest of all requests and replies: equal for equal runs."""
        return self._digest.hexdigest()[:16]

    @property
    def token(self) -> str:
        """A token that is valid."""
        end = self.ledger.local_ends.get(self._token, self.ledger.tokens.get(self._token, 0.0))
        if end - self.target.now() < _LIFETIME_LEFT:
            self._token = self.log_in(self.target.credentials)
        return self._token

    def log_in(self, credentials: Credentials) -> str:
        """Return a new token. Raises TargetError when the service issues none."""
        body = {"auth": {"username": credentials.username, "password": credentials.password}}
        request = self.contract.request("issueToken", appkey=credentials.appkey, token=None, body=body)
        reply = self.target.send(request)
        if credentials == self.target.credentials:
            self.judge(request, reply, phase=OWN, prepared=True)
        content = reply.content
        if content is None or (reply.accepted and not self.contract.is_success("issueToken", content)):
            raise TargetError(f"the service's reply to a login is not in the contract (HTTP {reply.status})")
        if not reply.accepted:
            what = "--url, --appkey and the credentials"
            raise TargetError(f"the login is refused with result code {reply.code}; check {what}")
        token: str = content["access"]["token"]["id"]
        self.ledger.secrets.add(token)
        return token

    def request(
        self, operation: str, parameters: dict[str, str] | None = None, body: JsonObject | None = None
    ) -> Request:
        """Return the request that calls an operation, with a valid token."""
        token = self.token if self.contract.needs_token(operation) else None
        appkey = self.target.credentials.appkey
        return self.contract.request(operation, appkey=appkey, token=token, parameters=parameters, body=body)

    def call(
        self,
        operation: str,
        parameters: dict[str, str] | None = None,
        body: JsonObject | None = None,
        *,
        phase: str = OWN,
        prepared: bool = False,
    ) -> Exchange:
        """Call an operation."""
        return self.send(self.request(operation, parameters, body), phase=phase, prepared=prepared)

    def step(
        self,
        step: str,
        instance_id: str,
        values: Mapping[str, str] | None = None,
        *,
        phase: str = OWN,
        prepared: bool = False,
    ) -> Exchange:
        """Call an operation or action on an instance, under its name in `x-lifecycle`."""
        given = dict(values or {})
        parameters = {"id" if step == DELETE else "instanceId": instance_id}
        if step == "attachVolume":
            return self.call(step, parameters, {"attachment": given}, phase=phase, prepared=prepared)
        if step in self.contract.operations:
            return self.call(step, parameters | given, phase=phase, prepared=prepared)
        body: JsonObject = {"action": step, **({"parameters": given} if given else {})}
        return self.call(ACTION, parameters, body, phase=phase, prepared=prepared)

    def send(self, request: Request, *, phase: str, prepared: bool = False) -> Exchange:
        """Send a request, and judge the exchange. Raises TargetError when there is no reply."""
        if self.lost is not None:
            raise TargetError(self.lost)
        try:
            reply = self.target.send(request)
        except TargetError as error:
            self.lost = str(error)
            raise
        return self.judge(request, reply, phase=phase, prepared=prepared)

    def judge(self, request: Request, reply: Reply, *, phase: str, prepared: bool = False) -> Exchange:
        """Count, check and record an exchange that has just taken place."""
        self.number += 1
        if phase != OWN and phase not in self.counters.phases:
            self.notify(f"{phase}, from exchange {self.number} on")
        for part in (request.method.encode(), request.target.encode(), request.body, reply.body):
            self._digest.update(len(part).to_bytes(8) + part)
        exchange = Exchange(self.number, self.target.now(), request, reply, phase, prepared)
        meaning = self.meaning(exchange)
        is_readable = True
        for check in EXCHANGE_CHECKS:
            for sentence in check(self.ledger, exchange, meaning):
                is_readable = is_readable and check.__name__ != _SCHEMA_CHECK
                self._report(check.__name__, meaning, sentence, exchange)
        # What breaks its schema cannot be read; a refusal for the form or the token reveals nothing of the state.
        if is_readable and reply.content is not None and not meaning.faults:
            for check in chain(INSTANCE_CHECKS, KEYPAIR_CHECKS):
                for sentence in check(self.ledger, exchange, meaning):
                    self._report(check.__name__, meaning, sentence, exchange)
        self._count(exchange, meaning)
        if is_readable:
            self.ledger.update(exchange, meaning)
        return exchange

    def meaning(self, exchange: Exchange) -> Meaning:
        """Return what an exchange was about."""
        tokens = self.ledger.valid_tokens(exchange.at)
        return self.contract.meaning(exchange.request, appkey=self.target.credentials.appkey, tokens=tokens)

    def expect(self, check: str, is_right: bool, sentence: str, exchange: Exchange) -> None:
        """Make a check that only some exchanges are subject to, and report the sentence when it fails."""
        self.counters.checks.add(check)
        if not is_right:
            self._report(check, self.meaning(exchange), sentence, exchange)

    def _report(self, check: str, meaning: Meaning, sentence: str, exchange: Exchange) -> None:
        if self._until is not None and exchange.number > self._until:
            return
        name = meaning.name or "a request outside the contract"
        if (check, name) in self.findings:
            self.findings[check, name].count += 1
        else:
            self.findings[check, name] = Finding(check, name, sentence, exchange.number, exchange.request)

    def _count(self, exchange: Exchange, meaning: Meaning) -> None:
        counters, accepted = self.counters, exchange.reply.accepted
        counters.phases[exchange.phase] += 1
        counters.codes[meaning.name, exchange.reply.code] += 1
        known = self.ledger.instances.get(meaning.instance_id)
        if meaning.faults or not meaning.operation:
            return
        if known is not None and known.status and self.contract.changes(meaning.operation):
            counters.states[meaning.name, known.status, accepted] += 1
        if exchange.phase in PHASES and accepted:
            counters.accepted.add(meaning.name)
