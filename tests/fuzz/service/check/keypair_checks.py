"""Check what a reply shows of key pairs and tokens against the ledger.

All of these are given requests that keep the contract, and replies that keep their schemas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import MD5
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
    load_ssh_public_key,
    ssh_key_fingerprint,
)

from ..contract import Meaning
from ..exchange import Exchange, JsonObject
from .exchange_checks import Check
from .ledger import Ledger, moment
from .result_codes import kind_of

_FINGERPRINT = re.compile("[0-9a-f]{2}(:[0-9a-f]{2}){15}")


def _key(line: str) -> list[str]:
    """Return the type and the key of a public key's line, without the comment."""
    return line.split()[:2]


def _listed(exchange: Exchange, meaning: Meaning) -> list[JsonObject]:
    is_listed = meaning.operation == "listKeypairs" and exchange.reply.accepted
    return exchange.content["keypairs"] if is_listed else []


def _made(exchange: Exchange, meaning: Meaning) -> JsonObject | None:
    is_made = meaning.operation == "createKeypair" and exchange.reply.accepted
    return exchange.content["keypair"] if is_made else None


def keypair_reads_back_equal(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A key pair is shown as it was made or uploaded."""
    made, uploaded = _made(exchange, meaning), meaning.member("keypair", "publicKey")
    if made is not None and uploaded is not None and _key(uploaded) != _key(made["publicKey"]):
        yield "shows another public key than the one that was uploaded"
    for one in _listed(exchange, meaning):
        known = ledger.keypairs.get(one["name"])
        if known is None or known.deleted:
            continue
        if any(one[name] != known.shown[name] for name in ("publicKey", "fingerprint")):
            yield "shows a key pair with another key than when it was made"
        if "createdAt" in one and one["createdAt"] != known.shown.get("createdAt", one["createdAt"]):
            yield "shows another createdAt of a key pair than before"


def keypair_exists_until_it_is_deleted(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A key pair is found and listed after it was made, and no longer after it was deleted."""
    name, code = meaning.parameter("name"), exchange.reply.code
    known = ledger.keypairs.get(name)
    if code is None:
        return
    if meaning.operation in ("listKeypairs", "deleteKeypair") and known is not None:
        if exchange.reply.accepted and known.deleted:
            yield "is accepted for a key pair that was deleted"
        elif known.is_ours and not known.deleted and kind_of(code) == "not-found":
            yield f"does not find a key pair that was made and not deleted ({code})"
    if meaning.operation == "listKeypairs" and not name and exchange.reply.accepted:
        shown = {one["name"] for one in exchange.content["keypairs"]}
        if not shown.issuperset(ledger.our_keypairs()):
            yield "does not list a key pair that was made and not deleted"
        if any(one.deleted and one.name in shown for one in ledger.keypairs.values()):
            yield "lists a key pair that was deleted"


def keypair_names_are_exact(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A key pair is shown and deleted by its exact name, and is not replaced by another one of its name."""
    name = meaning.parameter("name")
    if not exchange.reply.accepted:
        return
    if name and any(one["name"] != name for one in _listed(exchange, meaning)):
        yield "shows a key pair of another name than the one that was asked for"
    if meaning.operation == "deleteKeypair" and name and ledger.is_exact and name not in ledger.keypairs:
        yield "is accepted for a key pair that does not exist"
    if meaning.operation == "createKeypair":
        known = ledger.keypairs.get(meaning.member("keypair", "name"))
        if known is not None and not known.deleted:
            yield "is accepted with the name of a key pair that exists"


def private_key_is_shown_once_and_fits(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A private key is shown with a key pair that the service made and no other, and is that of the public key."""
    keypair = _made(exchange, meaning)
    if keypair is None:
        return
    was_generated = meaning.member("keypair", "publicKey") is None
    if was_generated != ("privateKey" in keypair):
        verb, origin = ("lacks", "generated") if was_generated else ("shows", "uploaded")
        yield f"{verb} the private key of a key pair that was {origin}"
    if keypair.get("privateKey") is None:
        return
    text = keypair["privateKey"].encode()
    load = load_ssh_private_key if b"OPENSSH" in text.partition(b"\n")[0] else load_pem_private_key
    try:
        private = load(text, None)
    except (ValueError, UnsupportedAlgorithm):
        yield "shows a private key that cannot be read"
        return
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    if public.split() != _key(keypair["publicKey"]):
        yield "shows a private key that is not that of the public key"


def fingerprint_is_that_of_the_key(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """The fingerprint of a key pair, where it has the usual form, is the MD5 of its public key."""
    made = _made(exchange, meaning)
    for one in [*_listed(exchange, meaning), *([made] if made is not None else [])]:
        if not _FINGERPRINT.fullmatch(one["fingerprint"]):
            continue
        try:
            key = load_ssh_public_key(one["publicKey"].encode())
        except (ValueError, UnsupportedAlgorithm):
            yield "shows a public key that cannot be read"
            continue
        if ssh_key_fingerprint(key, MD5()).hex(":") != one["fingerprint"]:
            yield "shows a fingerprint that is not that of the public key"


def token_reads_back_equal(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A token that was issued is found as long as it is valid, with the same end."""
    if meaning.operation != "getToken":
        return
    content: Any = exchange.content
    token = meaning.parameter("id")
    valid = ledger.valid_tokens(exchange.at).get(token)
    if valid and not exchange.reply.accepted:
        yield f"does not find a token that is valid ({exchange.reply.code})"
    elif valid is False and exchange.reply.accepted:
        yield "shows a token that has expired"
    elif exchange.reply.accepted:
        end = moment(content["access"]["token"]["expires"])
        if ledger.tokens.get(token, end) != end:
            yield "shows another end of a token than when it was issued"


def login_needs_the_password(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A token is issued for the right user name and password only."""
    given = meaning.member("auth", "username"), meaning.member("auth", "password")
    if meaning.operation == "issueToken" and exchange.reply.accepted and ledger.login not in (None, given):
        yield "is accepted with a wrong user name or password"


KEYPAIR_CHECKS: tuple[Check, ...] = (
    keypair_reads_back_equal,
    keypair_exists_until_it_is_deleted,
    keypair_names_are_exact,
    private_key_is_shown_once_and_fits,
    fingerprint_is_that_of_the_key,
    token_reads_back_equal,
    login_needs_the_password,
)
