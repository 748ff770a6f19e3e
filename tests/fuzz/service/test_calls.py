"""Does a line for curl show the request, and no secret?"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest

from .calls import CurlWriter
from .check.samples import APPKEY, INSTANCE, TOKEN, request
from .contract import contract

PASSWORD = "demo-password"
WRITER = CurlWriter(contract(), APPKEY, {TOKEN, PASSWORD})


def test_a_line_can_be_sent_again_with_the_secrets_in_the_environment() -> None:
    asked = request("runInstanceAction", {"instanceId": INSTANCE}, {"action": "start"})
    assert WRITER.line(asked) == (
        f'curl -X POST "$URL/v1.0/appkeys/$APPKEY/instances/{INSTANCE}/action" -H "X-Auth-Token: $TOKEN" '
        "-H 'content-type: application/json' --data-binary '{\"action\": \"start\"}'"
    )


@pytest.mark.parametrize(
    "asked",
    [
        request("issueToken", body={"auth": {"username": "me", "password": PASSWORD}}, token=None),
        request("getToken", {"id": TOKEN}, token=None),
        request("getToken", {"id": "a-token-of-somebody-else"}, token=None),
        replace(request("issueToken", token=None), body=b'{"auth": {"password": "' + PASSWORD.encode()),
        request("listInstances", {"id": TOKEN}),
        request("createKeypair", body={"keypair": {"name": TOKEN}}),
    ],
)
def test_no_secret_stands_in_a_line(asked: object) -> None:
    line = WRITER.line(asked)  # type: ignore[arg-type]
    for secret in (TOKEN, PASSWORD, APPKEY, "a-token-of-somebody-else"):
        assert secret not in line


def test_a_token_that_is_no_secret_is_shown_since_it_is_what_the_finding_is_about() -> None:
    assert '"X-Auth-Token: no-such-token"' in WRITER.line(request("listFlavors", token="no-such-token"))


def test_what_a_shell_would_read_is_quoted() -> None:
    line = WRITER.line(request("createKeypair", body={"keypair": {"name": "it's $HOME `x`"}}))
    assert "'\"'\"'" in line
    odd = replace(request("listFlavors"), target=request("listFlavors").target + "?x=`y`$z")
    assert "?x=\\`y\\`\\$z" in WRITER.line(odd)
    path = replace(odd, target=f'/v1.0/appkeys/{APPKEY}/instances/$(id)/"action')
    assert '"$URL/v1.0/appkeys/$APPKEY/instances/\\$(id)/\\"action"' in WRITER.line(path)
    shouted = replace(odd, target=request("listFlavors").target + "?x=a!b")
    assert shlex.split(WRITER.line(shouted))[3].endswith("?x=a!b")
    assert "!" not in re.sub("'[^']*'", "", WRITER.line(shouted))


@pytest.mark.parametrize("spelling", [APPKEY, APPKEY.replace("-", "%2D"), APPKEY.replace("a", "%61", 1)])
def test_the_appkey_is_hidden_wherever_it_stands_and_however_it_is_written(spelling: str) -> None:
    for target in (f"/v1.0/appkeys/{spelling}/flavors", f"/v1.0/{spelling}", f"/v1.0/appkeys/x/flavors?id={spelling}"):
        line = WRITER.line(replace(request("listFlavors"), target=target))
        assert spelling not in line
        assert "$APPKEY" in line


def test_a_long_body_is_cut() -> None:
    assert len(WRITER.line(request("createKeypair", body={"keypair": {"name": "a" * 9000}}))) < 3000
