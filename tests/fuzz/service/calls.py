"""How is a call written down as a request, and as a line for curl that tells no secret?"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from toast_compute_api.behaviour import TOKEN_HEADER

from .contract import Contract
from .exchange import JSON, JsonObject, Request

HIDDEN = "***"
_LONGEST_BODY = 2_000
_SHORTEST_SECRET = 6
_SHOWN_HEADERS = ("content-type",)


def request_for(
    contract: Contract,
    operation: str,
    *,
    appkey: str,
    token: str | None,
    parameters: Mapping[str, str] | None = None,
    body: JsonObject | None = None,
) -> Request:
    """Return the request that calls an operation of the contract."""
    given = {"appkey": appkey, **(parameters or {})}
    path = contract.path(operation)
    query: dict[str, str] = {}
    for parameter in contract.parameters(operation):
        name = parameter["name"]
        if name in given and parameter["in"] == "path":
            path = path.replace("{" + name + "}", quote(given[name], safe=""))
        elif name in given:
            query[name] = given[name]
    headers = {} if token is None else {TOKEN_HEADER.lower(): token}
    content = b""
    if body is not None:
        headers["content-type"] = JSON
        content = json.dumps(body, ensure_ascii=False).encode()
    method = contract.method(operation).upper()
    return Request(method, f"{path}?{urlencode(query)}" if query else path, headers, content)


class CurlWriter:
    """Writes requests as lines for a shell. $URL, $APPKEY and $TOKEN stand for what is secret; the rest is hidden."""

    def __init__(self, contract: Contract, appkey: str, secrets: Collection[str]) -> None:
        self._contract = contract
        self._appkey = appkey
        self._secrets = secrets

    def line(self, request: Request) -> str:
        """Return the line for a request."""
        path, _, query = request.target.partition("?")
        path = "/".join(map(self._part, path.split("/")))
        words = ["curl", "-X", request.method, f'"$URL{path}{self._query(path, query)}"']
        token = request.headers.get(TOKEN_HEADER.lower())
        if token is not None:
            shown = "$TOKEN" if token in self._secrets else _in_quotes(token)
            words += ["-H", f'"{TOKEN_HEADER}: {shown}"']
        for name in _SHOWN_HEADERS:
            if name in request.headers:
                words += ["-H", shlex.quote(f"{name}: {request.headers[name]}")]
        if request.body:
            words += ["--data-binary", shlex.quote(self._body(request.body))]
        return self._without_secrets(" ".join(words))

    def _query(self, path: str, query: str) -> str:
        if not query:
            return ""
        secret = self._contract.secret_parameters
        pairs = [pair.partition("=") for pair in query.split("&")]
        is_token_lookup = path.endswith("/tokens")
        return "?" + "&".join(
            f"{_in_quotes(name)}{sign}{HIDDEN if is_token_lookup and name in secret else self._part(value)}"
            for name, sign, value in pairs
        )

    def _part(self, text: str) -> str:
        """A part of a URL; the appkey may be written in many ways."""
        return "$APPKEY" if unquote(text) == self._appkey else _in_quotes(text)

    def _body(self, content: bytes) -> str:
        text = content.decode("utf-8", "replace")
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            pass
        else:
            text = json.dumps(_masked(value, self._contract.secret_members), ensure_ascii=False)
        return text if len(text) <= _LONGEST_BODY else f"{text[:_LONGEST_BODY]}... ({len(content)} bytes)"

    def _without_secrets(self, line: str) -> str:
        for secret in self._secrets:
            if len(secret) >= _SHORTEST_SECRET:
                line = line.replace(secret, HIDDEN)
        return line


def _in_quotes(text: str) -> str:
    """Text for between the double quotes of a shell, where it is nothing but text."""
    escaped = re.sub(r'([\\"`$])', r"\\\1", text)
    return escaped.replace("!", "\"'!'\"")  # which shells that one types in would replace, and nothing escapes


def _masked(value: Any, secret: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: HIDDEN if name in secret else _masked(member, secret) for name, member in value.items()}
    return [_masked(item, secret) for item in value] if isinstance(value, list) else value
