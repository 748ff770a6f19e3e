"""What happens with each exchange of a run? It is counted, judged, and taken into the ledger."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeAlias

from .calls import CurlWriter, request_for
from .check.detail_checks import DETAIL_CHECKS
from .check.exchange_checks import CHECKS
from .check.history_checks import HISTORY_CHECKS
from .check.instance_checks import INSTANCE_CHECKS, StateCheck, move_of, target_of
from .check.keypair_checks import KEY_CHECKS
from .check.ledger import Ledger
from .check.secret_checks import refusal_tells_no_secret
from .contract import Contract, Meaning, contract
from .exchange import Exchange, JsonObject, Reply, Request
from .target import Credentials, Target, TargetError

_STATE_CHECKS = {**INSTANCE_CHECKS, **DETAIL_CHECKS, **HISTORY_CHECKS, **KEY_CHECKS}
_TIME_LEFT = 300.0  # seconds that a token has to live when it is used; so that none expires by the way
PHASES = ("examples", "coverage", "fuzzing", "stateful")
"""The phases of the engine."""
OWN = "own"
"""The phase of the requests that the run makes itself, to prepare and to look."""
Tell: TypeAlias = Callable[[str], None]
"""Is told each phase when it begins."""


@dataclass
class Finding:
    """Something that is not as the contract says. Found again, it is only counted."""

    check: str
    name: str
    sentence: str
    number: int
    """Which exchange of the run showed it first."""
    phase: str
    curl: str
    count: int = 1


@dataclass
class Tally:
    """What a run has seen."""

    codes: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    """By operation or action, and result code."""
    states: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    """By operation or action, status of the instance before it, and whether it was accepted."""
    phases: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    judged: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By check and operation or action."""
    accepted: set[str] = field(default_factory=set)
    """Operations and actions of which a request of the engine that keeps the contract was accepted."""
    links: Counter[str] = field(default_factory=Counter)
    probes: Counter[str] = field(default_factory=Counter)
    statuses: set[str] = field(default_factory=set)


class Run:
    """One run against one target."""

    def __init__(
        self, target: Target, *, until: int | None = None, fail_fast: bool = False, tell: Tell | None = None
    ) -> None:
        self.target = target
        self.contract: Contract = contract()
        self.ledger = Ledger(is_exact=target.is_exact)
        self.ledger.login = (target.credentials.username, target.credentials.password)
        self.tally = Tally()
        self.findings: dict[tuple[str, str], Finding] = {}
        self.number = 0
        self.secrets: set[str] = {target.credentials.password}
        self.lost: str | None = None
        """Why the service gives no replies any more."""
        self._tell = tell
        self._digest = hashlib.sha256()
        self._last = time.monotonic()
        self._until = until
        self._fail_fast = fail_fast
        self._token = ""
        self._curl = CurlWriter(self.contract, target.credentials.appkey, self.secrets)

    @property
    def is_over(self) -> bool:
        """Whether the exchange has come at which the run is to end, or the service has gone."""
        if self.lost is not None or (self._fail_fast and self.findings):
            return True
        return self._until is not None and self.number >= self._until

    @property
    def fingerprint(self) -> str:
        """Return what stands for all that was asked and answered: equal for equal runs."""
        return self._digest.hexdigest()[:16]

    @property
    def token(self) -> str:
        """A token that is valid."""
        end = self.ledger.ends.get(self._token, self.ledger.tokens.get(self._token, 0.0))
        if end - self.target.now() < _TIME_LEFT:
            self._token = self.log_in(self.target.credentials)
        return self._token

    def log_in(self, credentials: Credentials) -> str:
        """Return a new token. Raises TargetError when there is none to be had."""
        body = {"auth": {"username": credentials.username, "password": credentials.password}}
        request = request_for(self.contract, "issueToken", appkey=credentials.appkey, token=None, body=body)
        own = credentials == self.target.credentials
        reply = self.target.send(request)
        if own:
            self.judge(request, reply, phase=OWN, prepared=True)
        content = reply.content
        problem = None if content is None else self.contract.problem("#/components/schemas/TokenSuccess", content)
        if content is None or (reply.accepted and problem is not None):
            raise TargetError(f"the service's reply to a login is none of the contract (HTTP {reply.status})")
        if not reply.accepted:
            what = "--url, --appkey and the credentials"
            raise TargetError(f"the login is refused with result code {reply.code}; check {what}")
        token: str = content["access"]["token"]["id"]
        self.secrets.add(token)
        return token

    def call(
        self,
        operation: str,
        parameters: dict[str, str] | None = None,
        body: JsonObject | None = None,
        *,
        token: str | None = None,
        phase: str = OWN,
        prepared: bool = False,
    ) -> Exchange:
        """Make a call of the run's own, and judge it like any other."""
        request = self.request(operation, parameters, body, token=token)
        return self.send(request, phase=phase, prepared=prepared)

    def request(
        self,
        operation: str,
        parameters: dict[str, str] | None = None,
        body: JsonObject | None = None,
        *,
        token: str | None = None,
    ) -> Request:
        """Return the request for a call, with a token that is valid unless another is given."""
        needs_token = self.contract.needs_token(operation)
        return request_for(
            self.contract,
            operation,
            appkey=self.target.credentials.appkey,
            token=(self.token if token is None else token) if needs_token else None,
            parameters=parameters,
            body=body,
        )

    def send(self, request: Request, *, phase: str, prepared: bool = False) -> Exchange:
        """Send a request of the run's own, and judge the exchange. Raises TargetError when there is no reply."""
        if self.lost is not None:
            raise TargetError(self.lost)
        try:
            reply = self.target.send(request)
        except TargetError as error:
            self.lost = str(error)
            raise
        return self.judge(request, reply, phase=phase, prepared=prepared)

    def tell(self, sentence: str) -> None:
        """Say something to whoever watches the run, if somebody does."""
        if self._tell is not None:
            self._tell(sentence)

    def judge(self, request: Request, reply: Reply, *, phase: str, link: str = "", prepared: bool = False) -> Exchange:
        """Count, judge and remember an exchange that has just taken place."""
        self.number += 1
        if phase != OWN and phase not in self.tally.phases:
            self.tell(f"{phase}, from exchange {self.number} on")
        now = time.monotonic()
        self.tally.seconds[phase] += now - self._last
        self._last = now
        for part in (request.method.encode(), request.target.encode(), request.body, reply.body):
            self._digest.update(len(part).to_bytes(8) + part)
        exchange = Exchange(self.number, self.target.now(), request, reply, phase, link, prepared)
        meaning = self.meaning(exchange)
        broken = False
        for check, sentence in self._problems(exchange, meaning):
            self.report(check, meaning, sentence, exchange)
            broken = broken or check == "reply_keeps_its_schema"
        self._count(exchange, meaning)
        if not broken:
            self.ledger.update(exchange, meaning)
        self.secrets.update(self.ledger.tokens)
        return exchange

    def meaning(self, exchange: Exchange) -> Meaning:
        """Return what an exchange was about."""
        tokens = self.ledger.valid_tokens(exchange.at)
        return self.contract.meaning(exchange.request, appkey=self.target.credentials.appkey, tokens=tokens)

    def hold(self, check: str, sentences: Iterable[str], exchange: Exchange) -> None:
        """Count a check that was made beside those of every exchange, and note what it says."""
        meaning = self.meaning(exchange)
        self.tally.judged[check, meaning.name] += 1
        for sentence in sentences:
            self.report(check, meaning, sentence, exchange)

    def report(self, check: str, meaning: Meaning, sentence: str, exchange: Exchange) -> None:
        """Note a finding."""
        if self._until is not None and exchange.number > self._until:
            return
        name = meaning.name or "a request outside the contract"
        found = self.findings.get((check, name))
        if found is not None:
            self.findings[check, name] = replace(found, count=found.count + 1)
            return
        curl = self._curl.line(exchange.request)
        self.findings[check, name] = Finding(check, name, sentence, exchange.number, exchange.phase, curl)

    def _problems(self, exchange: Exchange, meaning: Meaning) -> Iterator[tuple[str, str]]:
        keeps = True
        for name, check in CHECKS.items():
            self.tally.judged[name, meaning.name] += 1
            for sentence in check(self.contract, exchange, meaning):
                keeps = keeps and name != "reply_keeps_its_schema"
                yield name, sentence
        self.tally.judged[refusal_tells_no_secret.__name__, meaning.name] += 1
        secrets = (*self.secrets, self.target.credentials.appkey)
        yield from ((refusal_tells_no_secret.__name__, said) for said in refusal_tells_no_secret(secrets, exchange))
        # What breaks its schema cannot be read; what was refused for its form or its token says nothing of the state.
        if keeps and exchange.content is not None and not meaning.faults:
            yield from chain.from_iterable(self._about_state(name, exchange, meaning) for name in _STATE_CHECKS)

    def _about_state(self, name: str, exchange: Exchange, meaning: Meaning) -> Iterator[tuple[str, str]]:
        check: StateCheck = _STATE_CHECKS[name]
        self.tally.judged[name, meaning.name] += 1
        for sentence in check(self.ledger, exchange, meaning):
            yield name, sentence

    def _count(self, exchange: Exchange, meaning: Meaning) -> None:
        tally = self.tally
        tally.phases[exchange.phase] += 1
        tally.codes[meaning.name, exchange.reply.code] += 1
        known = self.ledger.instances.get(target_of(meaning))
        if known is not None and known.status:
            tally.statuses.add(known.status)
            if move_of(meaning) and self.contract.changes(meaning.operation) and not meaning.faults:
                tally.states[meaning.name, known.status, exchange.reply.accepted] += 1
        if exchange.phase in PHASES and exchange.reply.accepted and not meaning.faults and meaning.operation:
            tally.accepted.add(meaning.name)
