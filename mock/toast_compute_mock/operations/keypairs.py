"""Answer listKeypairs, createKeypair and deleteKeypair."""

from __future__ import annotations

from ..rules import RefusedError, Rule
from ..world import keys
from ..world.state import Keypair, World
from .call import Call, Payload, timestamp


def list_keypairs(world: World, call: Call) -> Payload:
    """Answer listKeypairs. Guide: 키페어 조회."""
    if "name" not in call.parameters:
        return {"keypairs": [_shown(keypair) for keypair in world.keypairs.values()]}
    keypair = _find(world, call)
    return {"keypairs": [{**_shown(keypair), "createdAt": timestamp(keypair.created_at)}]}


def create(world: World, call: Call) -> Payload:
    """Answer createKeypair. Guide: 키페어 생성과 업로드."""
    asked = call.body["keypair"]
    public_key = keys.read_public(asked["publicKey"]) if "publicKey" in asked else None
    if asked["name"] in world.keypairs:
        raise RefusedError(Rule.KEYPAIR_EXISTS)
    limit = world.quotas.keypairs
    if limit is not None and len(world.keypairs) >= limit:
        raise RefusedError(Rule.QUOTA_OF_KEYPAIRS, limit=limit)
    private: Payload = {}
    if public_key is None:
        public_key, private["privateKey"] = keys.make_pair(world.mint.key_secret())
    keypair = Keypair(name=asked["name"], public_key=public_key, created_at=call.now)
    world.keypairs[keypair.name] = keypair
    return {"keypair": {**_shown(keypair), **private}}


def delete(world: World, call: Call) -> Payload:
    """Answer deleteKeypair. Guide: 키페어 삭제."""
    del world.keypairs[_find(world, call).name]
    return {}


def _find(world: World, call: Call) -> Keypair:
    keypair = world.keypairs.get(call.parameters["name"])
    if keypair is None:
        raise RefusedError(Rule.NO_KEYPAIR)
    return keypair


def _shown(keypair: Keypair) -> Payload:
    return {
        "name": keypair.name,
        "publicKey": keypair.public_key,
        "fingerprint": keys.fingerprint(keypair.public_key),
    }
