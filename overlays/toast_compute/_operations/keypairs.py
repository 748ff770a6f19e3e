"""Operations on key pairs."""

from __future__ import annotations

from toast_compute_api import models
from toast_compute_api.api.keypairs.create_keypair import create_keypair
from toast_compute_api.api.keypairs.delete_keypair import delete_keypair
from toast_compute_api.api.keypairs.list_keypairs import list_keypairs

from .._core.client_core import Core
from .._core.error_mapping import absent
from .._effects import Effects
from .._validation import text
from .created_keypair import CreatedKeypair, with_methods
from .recovery import StateReader, keypair_is_gone


def list_all(core: Core) -> Effects[list[models.Keypair]]:
    """Read all key pairs."""
    return (yield from core.call(core.request(list_keypairs))).keypairs


def get(core: Core, name: str) -> Effects[models.Keypair]:
    """Read one key pair."""
    text("listKeypairs", "name", name)
    call = core.prepare(core.request(lambda appkey: list_keypairs(appkey, name=name)))
    reply = yield from call.run()
    for keypair in reply.keypairs:
        if keypair.name == name:
            return keypair
    raise absent("listKeypairs", f"key pair {name}", "keypair", call.log.attempts)


def create(core: Core, name: str) -> Effects[CreatedKeypair]:
    """Create a key pair."""
    text("createKeypair", "keypair.name", name)
    return (yield from _new(core, models.KeypairSpec(name=name)))


def upload(core: Core, name: str, public_key: str) -> Effects[CreatedKeypair]:
    """Upload a public key."""
    text("createKeypair", "keypair.name", name)
    # Without a public key the service would create a new key pair.
    text("createKeypair", "keypair.publicKey", public_key)
    return (yield from _new(core, models.KeypairSpec(name=name, public_key=public_key)))


def _new(core: Core, keypair: models.KeypairSpec) -> Effects[CreatedKeypair]:
    body = models.CreateKeypairRequest(keypair=keypair)
    reply = yield from core.call(core.request(lambda appkey: create_keypair(appkey, body=body)))
    return with_methods(reply.keypair)


def delete(core: Core, name: str) -> Effects[None]:
    """Delete a key pair."""
    text("deleteKeypair", "name", name)
    request = core.request(lambda appkey: delete_keypair(appkey, name=name))
    probe = keypair_is_gone(StateReader("keypair", lambda: get(core, name), core.pause))
    yield from core.prepare(request, probe=probe).run_or_confirm()
