"""Valid requests with tokens that give no access, and with things of another user."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ..contract import BRIEF, DELETE, DETAIL, KEY, name_of
from ..exchange import JsonObject, Request
from ..run import OWN, Run
from ..target import TargetError
from .fixtures import Fixtures, create_body
from .inventory import Inventory

_NO_TOKEN = "no-such-token"
_NO_APPKEY = "no-such-appkey"
_PAST_ITS_END = 1.0  # seconds, after which a token is expired by any clock


class AccessProbes:
    """Sends the requests of one run that are to be refused for who sends them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._probed: set[str] = set()
        self._other = run.target.other_user
        self._foreign_instance = ""
        secrets = [run.target.expired_token, run.target.foreign_token]
        secrets += [self._other.appkey, self._other.password] if self._other is not None else []
        run.ledger.secrets.update(filter(None, secrets))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of tokens that this run can send."""
        target = self._run.target
        possible = {"expired": target.is_exact or target.expired_token, "foreign": self._other or target.foreign_token}
        return ("missing", "unknown", "unknown appkey", *(kind for kind, source in possible.items() if source))

    def _expired(self) -> str | None:
        """Return a token that has just expired, where time can be moved on: a forgotten one is merely unknown."""
        run = self._run
        if not run.target.is_exact:
            return run.target.expired_token
        token = run.log_in(run.target.credentials)
        run.target.wait(run.ledger.tokens[token] - run.target.now() + _PAST_ITS_END)
        return token

    def _foreign(self) -> str | None:
        """Return a token that is valid elsewhere."""
        return self._run.target.foreign_token if self._other is None else self._run.log_in(self._other)

    def look_up_other_tokens(self) -> None:
        """Look up tokens that are expired or of another user, and log in with almost the right password."""
        run = self._run
        for get, what in ((self._expired, "expired"), (self._foreign, "of another user")):
            token = get()
            if token is not None:
                exchange = run.call("getToken", {"id": token})
                sentence = f"shows a token that is {what}"
                run.expect("other_token_is_unknown", not exchange.reply.accepted, sentence, exchange)
        name, right = run.target.credentials.username, run.target.credentials.password
        wrong = [f"{right}x", f"x{right}", right[:-1], right.swapcase(), f"{right} ", name]
        wrong += [self._other.password] if self._other is not None else []
        pairs = [(name, password) for password in dict.fromkeys(wrong) if password not in ("", right)]
        if run.target.is_exact:  # a live service may find an account in other spellings
            pairs += [(other, right) for other in (name.swapcase(), f"{name}x", name[:-1])]
        for username, password in pairs:
            run.call("issueToken", body={"auth": {"username": username, "password": password}})

    def try_tokens(self, operation: str, action: str, parameters: dict[str, str], body: Any) -> None:
        """Send a valid request with every token that gives no access; once for each operation and action."""
        run = self._run
        name = name_of(operation, action)
        if name in self._probed or not run.contract.needs_token(operation):
            return
        self._probed.add(name)
        valid = run.request(operation, parameters, body if isinstance(body, dict) else None)
        for kind, request in self._without_access(valid):
            run.counters.probes[kind] += 1
            run.send(request, phase=OWN)

    def _without_access(self, valid: Request) -> Iterator[tuple[str, Request]]:
        headers = {name: value for name, value in valid.headers.items() if name != KEY}
        yield "missing", replace(valid, headers=headers)
        yield "unknown", replace(valid, headers={**headers, KEY: _NO_TOKEN})
        foreign = self._foreign()
        if foreign:
            yield "foreign", replace(valid, headers={**headers, KEY: foreign})
        appkey = f"/{quote(self._run.target.credentials.appkey, safe='')}/"
        yield "unknown appkey", replace(valid, target=valid.target.replace(appkey, f"/{_NO_APPKEY}/", 1))
        # The last one: a service may forget it at the next login.
        expired = self._expired()
        if expired:
            yield "expired", replace(valid, headers={**headers, KEY: expired})

    def create_foreign_instance(self, fixtures: Fixtures) -> None:
        """Let another user make an instance, where there is another user."""
        if self._other is None:
            return
        self._call_as_other("createKeypair", body={"keypair": {"name": "other-key"}})
        made = self._call_as_other("createInstance", body=create_body(fixtures, "other", "other-key"))
        if made is None:
            raise TargetError("the other user cannot create an instance")
        self._foreign_instance = made["instance"]["id"]
        self._run.ledger.foreign_ids.add(self._foreign_instance)

    def use_foreign_instance(self) -> None:
        """Try everything on the other user's instance, and check that it stays as it is."""
        run, instance_id = self._run, self._foreign_instance
        if not instance_id:
            return
        before = self._read_foreign()
        run.call(BRIEF, {"id": instance_id})
        run.call(DETAIL, {"id": instance_id})
        run.step("stop", instance_id)
        last = run.step(DELETE, instance_id)
        is_unchanged = before is None or self._read_foreign() == before
        run.expect("foreign_instance_stays", is_unchanged, "changes an instance of another user", last)

    def _read_foreign(self) -> JsonObject | None:
        content = self._call_as_other(DETAIL, {"id": self._foreign_instance})
        return content["instances"][0] if content and content.get("instances") else None

    def _call_as_other(
        self, operation: str, parameters: dict[str, str] | None = None, body: JsonObject | None = None
    ) -> JsonObject | None:
        """Call an operation as the other user; it is not judged, since the ledger does not have their things."""
        assert self._other is not None
        run, token = self._run, self._run.log_in(self._other)
        request = run.contract.request(
            operation, appkey=self._other.appkey, token=token, parameters=parameters, body=body
        )
        reply = run.target.send(request)
        return reply.content if reply.accepted else None


def use_up_the_quota(inventory: Inventory) -> None:
    """Create more instances than the quota allows, where it is known and nobody else uses it."""
    run, quota = inventory.run, inventory.run.target.quota
    if quota is None:
        return
    body = create_body(inventory.fixtures, "many", inventory.keypair(), count=10)
    for _ in range(quota // 10 + 2):
        last = run.call("createInstance", body=body)
    number = len(run.call(BRIEF).content.get("instances", []))
    run.expect("quota_is_kept", number <= quota, f"lets {number} instances exist where the quota is {quota}", last)
