"""Write a request as a line for curl that holds no secret."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from toast_compute_api.behaviour import TOKEN_HEADER

from ..contract import KEY, contract
from ..exchange import Request

_HIDDEN = "***"
_LONGEST_BODY = 2_000
_SHORTEST_SECRET = 6


class CurlWriter:
    """Writes requests as lines for a shell, with variables for $URL, $APPKEY and $TOKEN; other secrets are masked."""

    def __init__(self, appkey: str, secrets: Collection[str]) -> None:
        self._appkey = appkey
        self._secrets = secrets

    def line(self, request: Request) -> str:
        """Return the line for a request."""
        path, _, query = request.target.partition("?")
        path = "/".join(map(self._part, path.split("/")))
        words = ["curl", "-X", request.method, f'"$URL{path}{self._query(path, query)}"']
        token = request.headers.get(KEY)
        if token is not None:
            value = "$TOKEN" if token in self._secrets else _in_quotes(token)
            words += ["-H", f'"{TOKEN_HEADER}: {value}"']
        if "content-type" in request.headers:
            words += ["-H", shlex.quote(f"content-type: {request.headers['content-type']}")]
        if request.body:
            words += ["--data-binary", shlex.quote(_body(request.body))]
        line = " ".join(words)
        for secret in self._secrets:
            if len(secret) >= _SHORTEST_SECRET:
                line = line.replace(secret, _HIDDEN)
        return line

    def _query(self, path: str, query: str) -> str:
        pairs = [pair.partition("=") for pair in query.split("&")] if query else []
        secret = contract().secret_parameters if path.endswith("/tokens") else ()
        parts = [
            f"{_in_quotes(name)}{sign}{_HIDDEN if name in secret else self._part(value)}" for name, sign, value in pairs
        ]
        return "?" + "&".join(parts) if parts else ""

    def _part(self, text: str) -> str:
        """Return a part of a URL; the appkey may be written in many ways."""
        return "$APPKEY" if unquote(text) == self._appkey else _in_quotes(text)


def _body(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):  # a malformed body is shown as it is
        text = json.dumps(_masked(json.loads(content), contract().secret_members), ensure_ascii=False)
    return text if len(text) <= _LONGEST_BODY else f"{text[:_LONGEST_BODY]}... ({len(content)} bytes)"


def _in_quotes(text: str) -> str:
    """Return text escaped for between the double quotes of a shell."""
    escaped = re.sub(r'([\\"`$])', r"\\\1", text)
    return escaped.replace("!", "\"'!'\"")  # interactive shells replace it, and no escape prevents that


def _masked(value: Any, secret: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: _HIDDEN if name in secret else _masked(member, secret) for name, member in value.items()}
    return [_masked(item, secret) for item in value] if isinstance(value, list) else value
