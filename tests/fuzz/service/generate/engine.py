"""How does schemathesis drive a run? Its settings, its hooks, and what is taken from its events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import schemathesis
from schemathesis.engine import events, from_schema
from schemathesis.hooks import unregister_all
from toast_compute_api.behaviour import TOKEN_HEADER

from ..calls import HIDDEN
from ..check.result_codes import virtual_status
from ..contract import Meaning
from ..exchange import Reply, Request
from ..run import PHASES, Run
from . import placeholders
from .access_probes import Prober
from .document import document_for, instance_parameter
from .fixtures import Material
from .observer import Lookout
from .preparation import Arranger, Parts
from .settings import settings

_LEAVE_EVERY = 3  # of the requests that a link leads to, one in so many finds its instance in whatever state it is
_ATTEMPTS = 3
_FEW = 2
_LONGEST_ERROR = 500
_INSTANCE = instance_parameter("")


class Engine:
    """Lets schemathesis make requests for a run, and hands every exchange to it."""

    def __init__(self, run: Run, arranger: Arranger, lookout: Lookout, prober: Prober, material: Material) -> None:
        self._run = run
        self._arranger = arranger
        self._lookout = lookout
        self._prober = prober
        self._material = material
        self._phase = ""
        self._prepared = False
        self._links_followed = 0
        self.errors: list[str] = []
        """What went wrong in the engine itself."""

    def go(
        self,
        *,
        seed: int,
        examples: int,
        scenarios: int,
        phases: tuple[str, ...] = PHASES,
        only: Collection[str] | None = None,
    ) -> None:
        """Run the phases; with `only`, on these operations and actions."""
        run = self._run
        config = schemathesis.Config.from_dict(
            settings(run, self._material, seed=seed, examples=examples, scenarios=scenarios, phases=phases)
        )
        document = document_for(
            run.contract,
            base_url=run.target.base_url,
            credentials=run.target.credentials,
            material=self._material,
            only=only,
        )
        schema = schemathesis.openapi.from_dict(document, config=config)
        schema.app = run.target.app
        with self._hooked(schema):
            stream = from_schema(schema).execute()
            for event in stream:
                if isinstance(event, events.Interrupted) and not run.is_over:
                    raise KeyboardInterrupt  # the engine makes an event of it, as of being stopped
                self._take(event)
                if run.is_over:
                    stream.stop()

    @contextmanager
    def _hooked(self, schema: Any) -> Iterator[None]:
        run = self._run

        @schema.auth(refresh_interval=None)
        class _Token:
            def get(self, _: Any, __: Any) -> str:
                return run.token

            def set(self, case: Any, token: str, _: Any) -> None:
                case.headers[TOKEN_HEADER] = token

        def after_call(context: Any, case: Any, response: Any) -> None:  # noqa: ARG001
            self.after_call(response)

        def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001
            self.before_call(case)

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
                self._take_links(event)
            case events.NonFatalError():
                self._note(f"{event.label}: {event.info.title}: {event.info.message}")
            case events.FatalError():
                self._note(f"{type(event.exception).__name__}: {event.exception}")
            case events.EngineFinished() if event.failures:
                self.errors += [failure.title for failure in event.failures]

    def _note(self, error: str) -> None:
        """Note an error without the appkey, which stands in every path."""
        appkey = self._run.target.credentials.appkey
        self.errors.append(error.replace(quote(appkey, safe=""), HIDDEN).replace(appkey, HIDDEN)[:_LONGEST_ERROR])

    def _take_links(self, event: events.ScenarioFinished) -> None:
        for node in event.recorder.cases.values():
            parent = event.recorder.cases.get(node.parent_id or "")
            if node.transition is not None and node.is_transition_applied and parent is not None:
                source, target = _operation_id(parent.value), _operation_id(node.value)
                self._run.tally.links[f"{source} -> {target}"] += 1

    def follow_links(self, links: Collection[str], *, seed: int) -> None:
        """Follow links that chance has left out, those of each source in a few scenarios of their own."""
        self._arranger.is_patient = True
        for attempt in range(_ATTEMPTS):
            by_source: dict[str, list[str]] = defaultdict(list)
            for link in links:
                if link not in self._run.tally.links:
                    source, target = link.split(" -> ")
                    by_source[source].append(target)
            for source, targets in by_source.items():
                if not self._run.is_over:
                    scenarios = _FEW * (len(targets) + 1)
                    only = (source, *targets)
                    self.go(seed=seed + attempt, examples=1, scenarios=scenarios, phases=("stateful",), only=only)

    def before_call(self, case: Any) -> None:
        """Give the request all that it needs, and try the same request with tokens that must not open anything."""
        run = self._run
        run.target.tick()
        operation, _, action = _operation_id(case).partition(".")
        headers = case.headers
        parts = Parts(case.path_parameters, case.query, case.body, instance_names=(instance_parameter(action),))
        is_own_method = case.method.lower() == case.operation.method.lower()
        if not is_own_method:
            self._prepared = False
            self._arranger.fill(parts)
        else:
            by_link = self._phase == "stateful" and not placeholders.stands_in(
                [dict(case.path_parameters), dict(case.query)]
            )
            self._links_followed += by_link
            leave = by_link and self._links_followed % _LEAVE_EVERY == 0
            self._prepared = self._arranger.arrange(operation, action, parts, leave_state=leave)
        if case.body is not parts.body:
            case.body = parts.body
        if is_own_method and case.meta is not None and case.meta.generation.mode.is_positive:
            parameters = {str(name): str(value) for name, value in {**parts.query, **parts.path}.items()}
            renamed = {
                _INSTANCE if name == instance_parameter(action) else name: one for name, one in parameters.items()
            }
            self._prober.try_doors(operation, action, parts, renamed)
        if headers.get(TOKEN_HEADER) in run.ledger.tokens:
            headers[TOKEN_HEADER] = run.token  # the one from when the case was generated may have expired
        self._look_before(operation, action, parts)

    def _look_before(self, operation: str, action: str, parts: Parts) -> None:
        target = parts.target()
        instance_id = target[0][target[1]] if target is not None else None
        name = "id" if target is not None and target[1] == "id" else _INSTANCE
        parameters = {name: instance_id} if isinstance(instance_id, str) else {}
        self._lookout.before(Meaning(operation, action, parameters))

    def after_call(self, response: Any) -> None:
        """Judge the exchange, look at what it changed, and let the engine see a status that says how it ended."""
        sent = response.request
        parts = urlsplit(sent.url)
        prefix = urlsplit(self._run.target.base_url).path
        target = parts.path.removeprefix(prefix) + (f"?{parts.query}" if parts.query else "")
        headers = {name.lower(): _text(value) for name, value in sent.headers.items()}
        request = Request(sent.method, target, headers, _bytes(sent.body))
        content_type = response.headers.get("content-type", [""])[0]
        reply = Reply(response.status_code, content_type, response.content or b"")
        exchange = self._run.judge(request, reply, phase=self._phase, prepared=self._prepared)
        self._lookout.after(exchange)
        if reply.status == HTTPStatus.OK and reply.code is not None:
            response.status_code = virtual_status(reply.code)


def _operation_id(case: Any) -> str:
    name: str = case.operation.definition.raw["operationId"]
    return name


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(body: str | bytes | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""
