"""A line for curl has the request, and no secret."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest

from ..check.samples import APPKEY, INSTANCE, TOKEN, action, request
from ..exchange import Request
from .curl import CurlWriter

PASSWORD = "demo-password"
WRITER = CurlWriter(APPKEY, {TOKEN, PASSWORD, APPKEY})
FLAVORS = request("listFlavors")


def test_line_can_be_sent_again_with_the_secrets_in_the_environment() -> None:
    assert WRITER.line(action("start")) == (
        f'curl -X POST "$URL/v1.0/appkeys/$APPKEY/instances/{INSTANCE}/action" -H "X-Auth-Token: $TOKEN" '
        "-H 'content-type: application/json' --data-binary '{\"action\": \"start\"}'"
    )
    assert '"X-Auth-Token: no-such-token"' in WRITER.line(request("listFlavors", token="no-such-token"))


@pytest.mark.parametrize(
    "asked",
    [
        request("issueToken", body={"auth": {"username": "me", "password": PASSWORD}}, token=None),
        request("getToken", {"id": TOKEN}, token=None),
        request("getToken", {"id": "token-of-another-user"}, token=None),
        replace(request("issueToken", token=None), body=b'{"auth": {"password": "' + PASSWORD.encode()),
        request("listInstances", {"id": TOKEN}),
        request("createKeypair", body={"keypair": {"name": TOKEN}}),
    ],
)
def test_line_has_no_secret(asked: Request) -> None:
    line = WRITER.line(asked)
    for secret in (TOKEN, PASSWORD, APPKEY, "token-of-another-user"):
        assert secret not in line


def test_what_a_shell_would_interpret_is_quoted() -> None:
    line = WRITER.line(request("createKeypair", body={"keypair": {"name": "it's $HOME `x`"}}))
    assert "'\"'\"'" in line
    assert "?x=\\`y\\`\\$z" in WRITER.line(replace(FLAVORS, target=FLAVORS.target + "?x=`y`$z"))
    path = replace(FLAVORS, target=f'/v1.0/appkeys/{APPKEY}/instances/$(id)/"action')
    assert '"$URL/v1.0/appkeys/$APPKEY/instances/\\$(id)/\\"action"' in WRITER.line(path)
    shouted = WRITER.line(replace(FLAVORS, target=FLAVORS.target + "?x=a!b"))
    assert shlex.split(shouted)[3].endswith("?x=a!b")
    assert "!" not in re.sub("'[^']*'", "", shouted)


@pytest.mark.parametrize("spelling", [APPKEY, APPKEY.replace("-", "%2D"), APPKEY.replace("a", "%61", 1)])
def test_appkey_is_hidden_in_every_place_and_spelling(spelling: str) -> None:
    for target in (f"/v1.0/appkeys/{spelling}/flavors", f"/v1.0/{spelling}", f"/v1.0/appkeys/x/flavors?id={spelling}"):
        line = WRITER.line(replace(FLAVORS, target=target))
        assert spelling not in line
        assert "$APPKEY" in line


def test_long_body_is_cut() -> None:
    assert len(WRITER.line(request("createKeypair", body={"keypair": {"name": "a" * 9000}}))) < 3000
