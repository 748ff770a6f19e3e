"""Let schemathesis make requests: its settings, its hooks, and what is taken from its events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import schemathesis
from schemathesis.engine import events, from_schema
from schemathesis.hooks import unregister_all
from toast_compute_api.behaviour import TOKEN_HEADER

from ..check.result_codes import virtual_status
from ..contract import Meaning
from ..exchange import JsonObject, Reply, Request
from ..run import PHASES, Run
from . import placeholders
from .access_probes import AccessProbes
from .document import document_for, instance_parameter
from .fixtures import Fixtures
from .placeholders import PLACES, has_placeholder
from .preparation import Parts, Preparation

_STEPS = 30  # the default of 6 is too few to get from a create to a detach
_LIKELY = 0.9  # how often a value is one that exists
_KEEP_STATE_EVERY = 3  # of the requests that follow a link, one in so many finds its instance in whatever state it is
_ATTEMPTS = 3
_SCENARIOS_A_LINK = 2
_LONGEST_ERROR = 500
_INSTANCE = instance_parameter("")


class Engine:
    """Lets schemathesis make requests for a run, and hands every exchange to it."""

    def __init__(self, preparation: Preparation, probes: AccessProbes) -> None:
        inventory = preparation.inventory
        self._run = inventory.run
        self._observer = inventory.observer
        self._fixtures = inventory.fixtures
        self._preparation = preparation
        self._probes = probes
        self._phase = ""
        self._prepared = False
        self._links_followed = 0
        self.errors: list[str] = []
        """What failed in the engine itself."""

    def go(
        self, *, seed: int, examples: int, scenarios: int, phases: Collection[str], only: Collection[str] | None = None
    ) -> None:
        """Run the phases; with `only`, on these operations and actions."""
        run = self._run
        plan = settings(run, self._fixtures, seed=seed, examples=examples, scenarios=scenarios, phases=phases)
        document = document_for(
            run.contract,
            base_url=run.target.base_url,
            credentials=run.target.credentials,
            fixtures=self._fixtures,
            only=only,
        )
        schema = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(plan))
        schema.app = run.target.app
        with self._hooked(schema):
            stream = from_schema(schema).execute()
            for event in stream:
                if isinstance(event, events.Interrupted) and not run.is_over:
                    raise KeyboardInterrupt  # the engine makes an event of it, and also of being stopped
                self._take(event)
                if run.is_over:
                    stream.stop()

    def follow_links(self, links: Collection[str], *, seed: int) -> None:
        """Follow links that were not followed by chance, those of each source in a few scenarios of their own."""
        self._preparation.is_patient = True
        for attempt in range(_ATTEMPTS):
            by_source: dict[str, list[str]] = defaultdict(list)
            for link in links:
                if link not in self._run.counters.links:
                    source, target = link.split(" -> ")
                    by_source[source].append(target)
            for source, targets in by_source.items():
                if not self._run.is_over:
                    scenarios = _SCENARIOS_A_LINK * (len(targets) + 1)
                    only = (source, *targets)
                    self.go(seed=seed + attempt, examples=1, scenarios=scenarios, phases=("stateful",), only=only)

    @contextmanager
    def _hooked(self, schema: Any) -> Iterator[None]:
        run = self._run

        @schema.auth(refresh_interval=None)
        class _Token:
            def get(self, _: Any, __: Any) -> str:
                return run.token

            def set(self, case: Any, token: str, _: Any) -> None:
                case.headers[TOKEN_HEADER] = token

        # The engine distinguishes hooks by their names, and requires these arguments.
        def after_call(context: Any, case: Any, response: Any) -> None:  # noqa: ARG001
            self.after_call(response)

        def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001
            self._before_call(case)

        schema.hook(after_call)
        schemathesis.hook(before_call)
        try:
            yield
        finally:
            unregister_all()

    def _take(self, event: events.EngineEvent) -> None:
        match event:
            case events.PhaseStarted():
                self._phase = event.phase.name.value
            case events.ScenarioFinished():
                cases = event.recorder.cases
                for node in cases.values():
                    parent = cases.get(node.parent_id or "")
                    if node.transition is not None and node.is_transition_applied and parent is not None:
                        link = f"{_operation_id(parent.value)} -> {_operation_id(node.value)}"
                        self._run.counters.links[link] += 1
            case events.NonFatalError():
                self._note(f"{event.label}: {event.info.title}: {event.info.message}")
            case events.FatalError():
                self._note(f"{type(event.exception).__name__}: {event.exception}")
            case events.EngineFinished() if event.failures:
                self.errors += [failure.title for failure in event.failures]

    def _note(self, error: str) -> None:
        """Note an error without the appkey, which is part of every path."""
        appkey = self._run.target.credentials.appkey
        self.errors.append(error.replace(quote(appkey, safe=""), "***").replace(appkey, "***")[:_LONGEST_ERROR])

    def _before_call(self, case: Any) -> None:
        """Give the request all that it needs, and send the same request with tokens that give no access."""
        run = self._run
        run.target.tick()
        operation, _, action = _operation_id(case).partition(".")
        parts = Parts(case.path_parameters, case.query, case.body, instance_name=instance_parameter(action))
        if case.method.lower() == case.operation.method.lower():
            by_link = self._phase == "stateful" and not has_placeholder([dict(parts.path), dict(parts.query)])
            self._links_followed += by_link
            leave = by_link and self._links_followed % _KEEP_STATE_EVERY == 0
            self._prepared = self._preparation.prepare(operation, action, parts, leave_state=leave)
            if case.meta is not None and case.meta.generation.mode.is_positive:
                parameters = {
                    _INSTANCE if name == parts.instance_name else str(name): str(value)
                    for name, value in {**parts.query, **parts.path}.items()
                }
                self._probes.try_tokens(operation, action, parameters, parts.body)
        else:
            self._prepared = False
            self._preparation.fill(parts)
        if case.body is not parts.body:
            case.body = parts.body
        if case.headers.get(TOKEN_HEADER) in run.ledger.tokens:
            case.headers[TOKEN_HEADER] = run.token  # that of when the case was generated may have expired
        target = parts.target()
        instance_id = target[0][target[1]] if target is not None else None
        name = "id" if target is not None and target[1] == "id" else _INSTANCE
        given = {name: instance_id} if isinstance(instance_id, str) else {}
        self._observer.before(Meaning(operation, action, given))

    def after_call(self, response: Any) -> None:
        """Judge the exchange, read what it changed, and give the engine a status that stands for the outcome."""
        sent = response.request
        parts = urlsplit(sent.url)
        prefix = urlsplit(self._run.target.base_url).path
        target = parts.path.removeprefix(prefix) + (f"?{parts.query}" if parts.query else "")
        headers = {name.lower(): _text(value) for name, value in sent.headers.items()}
        body = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
        content_type = response.headers.get("content-type", [""])[0]
        reply = Reply(response.status_code, content_type, response.content or b"")
        request = Request(sent.method, target, headers, body)
        exchange = self._run.judge(request, reply, phase=self._phase, prepared=self._prepared)
        self._observer.after(exchange)
        if reply.status == HTTPStatus.OK and reply.code is not None:
            response.status_code = virtual_status(reply.code)


def settings(
    run: Run, fixtures: Fixtures, *, seed: int, examples: int, scenarios: int, phases: Collection[str]
) -> JsonObject:
    """Return the configuration of schemathesis, with everything fixed that could differ between two runs of a seed."""
    contract, credentials = run.contract, run.target.credentials
    values: dict[str, tuple[str, ...]] = {
        "body.auth.username": (credentials.username,),
        "body.auth.password": (credentials.password,),
        "body.instance.image": (fixtures.image,),
        "body.instance.flavor": fixtures.flavors,
        "body.instance.networks[*].id": (fixtures.network,),
        "body.instance.networks[*].subnetId": (fixtures.subnet or fixtures.network,),
        "body.instance.availabilityZone": (fixtures.zone,),
        "body.instance.keyName": (placeholders.OWN_KEYPAIR,),
        "body.instance.securityGroups[*].name": fixtures.groups,
    }
    instances = {
        f"path.{instance_parameter(action)}": (placeholders.OWN_INSTANCE,)
        for operation in contract.operations
        for action in contract.actions(operation)
    }
    by_name = {
        name: {".".join(path): (one,) for path, one in PLACES.get(name.split(".")[-1], {}).items()}
        for name in contract.names
    }

    def bound(places: Mapping[str, tuple[str, ...]]) -> JsonObject:
        return {place: {"dictionary": _dictionary(some), "probability": _LIKELY} for place, some in places.items()}

    every = [*values.values(), *instances.values(), *(some for places in by_name.values() for some in places.values())]
    plain = {"extra-data-sources": {"responses": False}}
    generation = {"deterministic": True, "no-shrink": True}
    without_security = {"with-security-parameters": False}
    own: dict[str, JsonObject] = {
        "examples": plain,
        "coverage": {**plain, "generate-duplicate-query-parameters": True},
        "fuzzing": {**plain, "generation": without_security, "error-feedback": {"enabled": False}},
        "stateful": {
            "max-steps": _STEPS,
            "generation": {"mode": "positive", **without_security, "max-examples": scenarios, **generation},
            "inference": {"algorithms": []},
        },
    }
    return {
        **({} if run.target.app is not None else {"base-url": run.target.base_url}),
        "workers": 1,
        "seed": seed,
        "cache": {"enabled": False},
        # Literals from the source of the mock would make a run on it differ from one on a live service.
        "analysis": {"constants": {"enabled": False}},
        "generation": {**generation, "max-examples": examples, "database": "none"},
        "checks": {"enabled": False},  # ours judge every exchange
        "warnings": False,
        "phases": {phase: {"enabled": phase in phases, **own[phase]} for phase in PHASES},
        "parameters": bound(values | instances),
        "dictionaries": {_dictionary(some): {"values": list(some)} for some in every},
        "operations": [
            {"include-operation-id": name, "parameters": bound(places)}
            for name, places in by_name.items()
            if places and name != "createKeypair"  # most of its names are to be generated
        ],
    }


def _dictionary(values: Collection[str]) -> str:
    return "-".join(values)


def _operation_id(case: Any) -> str:
    name: str = case.operation.definition.raw["operationId"]
    return name


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
