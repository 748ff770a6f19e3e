"""What else comes instead of a reply: exceptions of the transport, quoted secrets, and a bomb?"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

import httpx

from .reply_mutations import Change, encode
from .secrecy import spellings
from .served import JSON, Served

BOMB_BYTES = 300 * 1024 * 1024  # more than the SDK takes
_PIECE = 16 * 1024
_KB = b"\0" * 1024


def _raising(kind: type[httpx.TransportError]) -> Callable[[str], Served]:
    return lambda text: Served(error=lambda request: kind(text, request=request))


def _before_sending(kind: type[httpx.TransportError]) -> Callable[[str], Served]:
    return lambda text: Served(error=lambda request: kind(f"no route {text}", request=request), never_left=True)


def _raising_any(kind: type[Exception]) -> Callable[[str], Served]:
    return lambda text: Served(error=lambda _: kind(text))


_EXCEPTIONS: dict[str, Callable[[str], Served]] = {
    "ConnectError": _before_sending(httpx.ConnectError),
    "ConnectTimeout": _before_sending(httpx.ConnectTimeout),
    "PoolTimeout": _before_sending(httpx.PoolTimeout),
    "ProxyError": _before_sending(httpx.ProxyError),
    "UnsupportedProtocol": _before_sending(httpx.UnsupportedProtocol),
    "ReadError": _raising(httpx.ReadError),
    "ReadTimeout": _raising(httpx.ReadTimeout),
    "WriteError": _raising(httpx.WriteError),
    "WriteTimeout": _raising(httpx.WriteTimeout),
    "CloseError": _raising(httpx.CloseError),
    "LocalProtocolError": _raising(httpx.LocalProtocolError),
    "RemoteProtocolError": _raising(httpx.RemoteProtocolError),
    "TimeoutError": _raising_any(TimeoutError),
    "OSError": _raising_any(OSError),
    "ValueError": _raising_any(ValueError),
    "RuntimeError": _raising_any(RuntimeError),
    "Exception": _raising_any(Exception),
}


def troubles(sent: Collection[str], secrets: Collection[str]) -> dict[str, Change]:
    """Return what may come in place of a success; secrets stand wherever the other side may quote them.

    Args:
        sent: the secrets that the client has sent: a refusal, whose message is shown, may quote these.
        secrets: all that may stand in a reply, none of which shows when it is none that can be read.
    """
    text, known = _quoting(secrets), _quoting(sent)

    def refusal(_: dict[str, Any], chance: random.Random) -> Served:
        code = chance.choice([-1, -2, -3, -4, 10404, 50401, 7, -(2**40)])
        return Served(encode({"header": {"isSuccessful": False, "resultCode": code, "resultMessage": f"No: {known}"}}))

    def no_reply(_: dict[str, Any], chance: random.Random) -> Served:
        status = chance.choice([200, 302, 401, 500])
        headers = (*JSON, ("location", f"https://elsewhere.invalid/{text.replace(' ', '/')}"), ("x-echo", text))
        return Served(text.encode(), status=status, headers=headers)

    def wrong_shape(reply: dict[str, Any], chance: random.Random) -> Served:
        member = chance.choice([name for name in reply if name != "header"] or ["header"])
        wrong = chance.choice([text, [text], {text: text}, {"id": [text], "privateKey": text, "expires": text}])
        return Served(encode({**reply, member: wrong, text: text}))

    return {
        "refusal that quotes secrets": refusal,
        "no reply, with secrets": no_reply,
        "wrong shape, with secrets": wrong_shape,
    }


def _quoting(secrets: Collection[str]) -> str:
    return " ".join(spellings(secrets))


EXCEPTIONS = tuple(_EXCEPTIONS)
_SHOWN = frozenset({"ConnectError", "ProxyError", "UnsupportedProtocol"})
"""Those whose text is shown, since it is the operating system's. What is in the request may stand in it."""


def one_exception(name: str, sent: Collection[str], secrets: Collection[str]) -> Served:
    """Return one of the exceptions of a transport, by its name. The arguments are those of `troubles`."""
    return _EXCEPTIONS[name](_quoting(sent if name in _SHOWN else secrets))


@cache
def bomb() -> Served:
    """Return a small reply that becomes larger than any the SDK takes when it is decompressed."""
    body = gzip.compress(_KB * (BOMB_BYTES // len(_KB)), compresslevel=1)
    return Served(body, headers=(*JSON, ("content-encoding", "gzip")), piece=_PIECE)
