"""How does a call meet a reply? Makes a client of either colour, serves it, and takes down what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

from toast_compute import AsyncToastCompute, ToastCompute

from .arguments import ASKED_TOKEN
from .calls import Call
from .clocks import SteppingClock
from .facts import operations
from .reply_checks import Expectation, Told, problems
from .reply_mutations import encode
from .secrecy import Log, logging_into
from .served import AsyncTransport, BlockingTransport, Served, Service

COLOURS = ("blocking", "asyncio")
APPKEY = "planted-Appkey-71c0"
USERNAME = "planted@example.com"
PASSWORD = f"{APPKEY}/Password 83fe"  # contains another secret, so that a rest may be left
TOKEN = "planted-Token-2b9d"
PRIVATE_KEY = "planted Private Key 6aa4"
SENSITIVE: dict[str, str] = {"id": TOKEN, "privateKey": PRIVATE_KEY}
"""By member name, what stands in the sensitive members of a reply."""
SECRETS = (APPKEY, PASSWORD, TOKEN, PRIVATE_KEY, ASKED_TOKEN)
_URL = "https://service.invalid/compute"
_OK = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
_TOKEN: dict[str, Any] = {
    "access": {
        "token": {"id": TOKEN, "issued_at": "2026-01-15T09:00:00.000000", "expires": "2026-01-15T10:00:00Z"},
        "user": {"id": "u", "roles": []},
    }
}
_PLAIN: Mapping[str, dict[str, Any]] = {
    "issueToken": _TOKEN,
    "getToken": _TOKEN,
    "listFlavors": {"flavors": []},
    "listInstances": {"instances": []},
    "listInstanceDetails": {"instances": []},
}
"""What the operations answer that a call makes beside its own."""


def secrets_sent(call: Call) -> tuple[str, ...]:
    """Return the secrets that a client sends in the course of a call: none but these can it know in a message."""
    own = {"issueToken": (), "getToken": (ASKED_TOKEN,)}
    return (APPKEY, PASSWORD, *own.get(call.operation, (TOKEN,)))


class Bench:
    """Where calls meet replies. Its clock moves on by itself, so that nobody really waits."""

    def __init__(self, runner: asyncio.Runner, log: Log) -> None:
        self._runner = runner
        self._log = log
        self.made = 0
        """How many calls were made."""

    def find(self, call: Call, served: Served, colour: str, expected: Expectation | None = None) -> str:
        """Make a call with a new client, and return the first thing that is wrong; empty when nothing is."""
        told = self.meet(call, served, colour)
        found = [*problems(call, served, told, SECRETS), *(expected(call, told) if expected else ())]
        return next(iter([*found, *self._log.problems(SECRETS)]), "")

    def meet(self, call: Call, served: Served, colour: str) -> Told:
        """Make a call with a new client, and return what it came to."""
        self.made += 1
        service = Service({**_plain_replies(), call.operation: served})
        with ExitStack() as around:
            return self._blocking(call, service, around) if colour == "blocking" else self._asyncio(call, service)

    def _blocking(self, call: Call, service: Service, around: ExitStack) -> Told:
        toast = around.enter_context(ToastCompute(**_settings(), transport=BlockingTransport(service)))
        exchanges = around.enter_context(toast.capture())
        value, error = None, None
        try:
            value = call.make(toast)
        except Exception as caught:  # whatever it is, it is judged
            error = caught
        return _told(call, service, value, error, exchanges)

    def _asyncio(self, call: Call, service: Service) -> Told:
        async def main() -> Told:
            async with AsyncToastCompute(**_settings(), transport=AsyncTransport(service)) as toast:
                value, error = None, None
                with toast.capture() as exchanges:
                    try:
                        value = await call.make(toast)
                    except Exception as caught:  # whatever it is, it is judged
                        error = caught
                return _told(call, service, value, error, exchanges)

        return self._runner.run(main())


@contextmanager
def open_bench() -> Iterator[Bench]:
    """Return a bench, on which nothing is logged but into its own log."""
    log = Log()
    with asyncio.Runner() as runner, logging_into(log):
        yield Bench(runner, log)


@cache
def _plain_replies() -> dict[str, Served]:
    return {id: Served(encode({"header": _OK, **_PLAIN.get(id, {})})) for id in [*operations(), "request"]}


def _settings() -> dict[str, Any]:
    return {
        "appkey": APPKEY,
        "username": USERNAME,
        "password": PASSWORD,
        "base_url": _URL,
        "timeout": 30.0,
        "max_retries": 2,
        "clock": SteppingClock(),
    }


def _told(call: Call, service: Service, value: Any, error: Exception | None, exchanges: list[Any]) -> Told:
    parsed = next((one.parsed for one in reversed(exchanges) if one.operation == call.operation), None)
    return Told(value, error, parsed, tuple(service.asked))
