"""What happens to key pairs, tokens and time in a story?"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from toast_compute import NotFoundError
from toast_compute_mock.journal import Entry

from .arguments import PUBLIC_KEY
from .story import KEYPAIR_QUOTA, WORLD, Story, some_trouble
from .told import TOKEN, Outcome, kind_of_entry, problems_of_outcome, problems_of_trouble

_NAMES = ("demo-key", "key-1", "key-2", "key-3", "key-4")
_JUMPS = (0.5, 1.0, 3.0, 10.0, 60.0, 3_000.0, 3_500.0, 3_601.0, 3_700.0, 90_000.0)


class Keys(Story):
    """Key pairs, tokens and time."""

    @rule(name=st.sampled_from(_NAMES), own=st.booleans(), trouble=some_trouble)
    def make_key(self, name: str, own: bool, trouble: str) -> None:
        """Have a key pair made, or upload one."""
        wrong = self.say(
            "upload key pair" if own else "create key pair",
            f"{'upload' if own else 'create'} the key pair {name}",
            trouble,
        )

        def make(toast: Any) -> Any:
            return toast.keypairs.upload(name, PUBLIC_KEY) if own else toast.keypairs.create(name)

        outcome = self.ask("createKeypair", make, trouble=wrong)
        for entry in outcome.own:
            if self._happened(entry, self._refusals_of_key(name)):
                self.model.keypairs[name] = PUBLIC_KEY if own else ""
        self.tell_of(problems_of_outcome(outcome))
        if outcome.error is None:
            self._hold_created(outcome, name, own)

    @rule(name=st.sampled_from(_NAMES), trouble=some_trouble)
    def delete_key(self, name: str, trouble: str) -> None:
        """Delete a key pair."""
        wrong = self.say("delete key pair", f"delete the key pair {name}", trouble)
        outcome = self.ask("deleteKeypair", lambda toast: toast.keypairs.delete(name), trouble=wrong)
        for entry in outcome.own:
            reasons = {"success"} if name in self.model.keypairs else {"not-found"}
            if self._happened(entry, reasons):
                del self.model.keypairs[name]
        self.tell_of(problems_of_outcome(outcome))

    @rule(name=st.sampled_from(_NAMES), trouble=some_trouble)
    def look_up_key(self, name: str, trouble: str) -> None:
        """Read one key pair."""
        wrong = self.say("get key pair", f"read the key pair {name}", trouble)
        outcome = self.ask("listKeypairs", lambda toast: toast.keypairs.get(name), trouble=wrong)
        self.tell_of(problems_of_trouble(outcome, "listKeypairs"))
        if outcome.error is None:
            self.require(outcome.value.name == name, "another key pair was returned")
            self.require(name in self.model.keypairs, f"the key pair {name} was returned, and there is none")
            self.require(outcome.value.created_at is not None, "a key pair has no time of its creation")
        elif isinstance(outcome.error, NotFoundError):
            self.require(name not in self.model.keypairs, f"the key pair {name} was not found, and there is one")

    @rule(revoked=st.booleans())
    def change_tokens(self, revoked: bool) -> None:
        """Issue a token for another purpose, or make all worthless: then the next call has to get one by itself."""
        if revoked:
            self.say("revoke tokens", "the service forgets all tokens")
            self.cloud.worlds.revoke_tokens(WORLD.user_id)
            self.revoked = True
            self.told.append("list the flavors")
            outcome = self.ask("listFlavors", lambda toast: toast.flavors.list())
            self.revoked = False
            self.require(outcome.error is None, f"{type(outcome.error).__name__} after the token was refused")
            return
        self.say("issue token", "issue a token and look it up")
        issued = self.ask(TOKEN, lambda toast: toast.tokens.issue())
        self.require(issued.error is None, "no token was issued")
        token = issued.value.token
        found = self.ask("getToken", lambda toast: toast.tokens.get(token.id))
        self.require(found.error is None and found.value == issued.value, "the token that was issued is another one")
        self.require(token.id not in repr(issued.value), "the repr of a token shows it")

    @rule(seconds=st.sampled_from(_JUMPS))
    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.say("time passes", f"{seconds:g} s pass")
        self.clock.advance(seconds)

    @rule(trouble=some_trouble)
    def read_catalogue(self, trouble: str) -> None:
        """Read what there is to choose from."""
        wrong = self.say("catalogue", "list the flavors, then the zones", trouble)
        world = self.cloud.worlds.get(WORLD.user_id)
        flavors = self.ask("listFlavors", lambda toast: toast.flavors.list(), trouble=wrong)
        self.tell_of(problems_of_trouble(flavors, "listFlavors"))
        if flavors.error is None:
            self.require([one.id for one in flavors.value] == list(world.flavors), "the flavors are others")
            self.require(
                [one.ram for one in flavors.value] == [one.ram for one in world.flavors.values()],
                "the flavors have another memory",
            )
        zones = self.ask("listAvailabilityZones", lambda toast: toast.availability_zones.list())
        self.require([one.zone_name for one in zones.value or []] == list(world.zones), "the zones are others")

    def _happened(self, entry: Entry, possible: set[str]) -> bool:
        """Hold one request about key pairs against how it may end, and return whether it was carried out."""
        if entry.applied:
            self.require("success" in possible, f"{entry.operation} was carried out and had to be refused: {possible}")
        elif not entry.faults and entry.result_code != -3:  # the token's, as the stories revoke them
            ended = kind_of_entry(entry)
            self.require(ended in possible, f"{entry.operation} ended as {ended}, and not as {' or '.join(possible)}")
        return bool(entry.applied)

    def _refusals_of_key(self, name: str) -> set[str]:
        if name in self.model.keypairs:
            # Both may be told when both are true.
            return {"conflict", "permission-denied"} if len(self.model.keypairs) >= KEYPAIR_QUOTA else {"conflict"}
        return {"permission-denied"} if len(self.model.keypairs) >= KEYPAIR_QUOTA else {"success"}

    def _hold_created(self, outcome: Outcome, name: str, own: bool) -> None:
        made = outcome.value
        self.require(made.name == name, "another key pair was returned")
        self.require((made.private_key is None) == own, "the private key is missing, or there where it must not be")
        if made.private_key is not None:
            self.secrets.add(made.private_key)
            self.require(made.private_key not in repr(made), "the repr of a key pair shows its private key")
        self.model.keypairs[name] = made.public_key
