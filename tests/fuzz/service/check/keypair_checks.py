"""Is this reply right after all that came before? What can be said of key pairs and tokens with the ledger's help."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
from ..exchange import Exchange
from .instance_checks import StateCheck
from .ledger import Ledger, moment
from .result_codes import kind_of

_FINGERPRINT = re.compile("[0-9a-f]{2}(:[0-9a-f]{2}){15}")
_PARTS_OF_A_KEY = 2  # the type and the key; what follows is a comment


def keypair_reads_back_equal(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A key pair is shown as it was when it was made, and as what was uploaded."""
    content: Any = exchange.content
    if not exchange.reply.accepted or meaning.faults:
        return
    if meaning.operation == "createKeypair":
        uploaded = meaning.member("keypair", "publicKey")
        given = content["keypair"]["publicKey"]
        if uploaded is not None and uploaded.split()[:_PARTS_OF_A_KEY] != given.split()[:_PARTS_OF_A_KEY]:
            yield "shows another public key than the one that was uploaded"
    if meaning.operation == "listKeypairs":
        for one in content["keypairs"]:
            known = ledger.keypairs.get(one["name"])
            if known is None or known.deleted:
                continue
            if any(one[name] != known.shown[name] for name in ("publicKey", "fingerprint")):
                yield "shows a key pair with another key than when it was made"
            if "createdAt" in one and one["createdAt"] != known.shown.get("createdAt", one["createdAt"]):
                yield "shows another createdAt of a key pair than before"


def keypair_is_there_until_it_is_deleted(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A key pair is found and listed after it was made, and not any more after it was deleted."""
    name = meaning.parameter("name")
    known = ledger.keypairs.get(name)
    code = exchange.reply.code
    if meaning.faults or code is None:
        return
    if meaning.operation in ("listKeypairs", "deleteKeypair") and known is not None:
        if exchange.reply.accepted and known.deleted:
            yield "is accepted for a key pair that was deleted"
        elif known.is_ours and not known.deleted and kind_of(code) == "not-found":
            yield f"does not find a key pair that was made and not deleted ({code})"
    if meaning.operation == "listKeypairs" and not name and exchange.reply.accepted:
        shown = {one["name"] for one in (exchange.content or {})["keypairs"]}
        if not shown.issuperset(ledger.our_keypairs()):
            yield "does not list a key pair that was made and not deleted"
        if any(one.deleted and one.name in shown for one in ledger.keypairs.values()):
            yield "lists a key pair that was deleted"


def keypair_names_are_exact(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """Who asks for a key pair gets that one, and what is deleted is what was named."""
    name = meaning.parameter("name")
    if not exchange.reply.accepted or not name:
        return
    if meaning.operation == "listKeypairs" and any(one["name"] != name for one in (exchange.content or {})["keypairs"]):
        yield "shows a key pair of another name than the one that was asked for"
    if meaning.operation == "deleteKeypair" and ledger.is_exact and name not in ledger.keypairs:
        yield "is accepted for a key pair that is not there"


def keypair_name_is_used_once(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A key pair is not replaced by another one of its name."""
    if meaning.operation == "createKeypair" and exchange.reply.accepted:
        known = ledger.keypairs.get(meaning.member("keypair", "name"))
        if known is not None and not known.deleted:
            yield "is accepted with the name of a key pair that is there"


def private_key_is_shown_once(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A private key comes with a key pair that the service made, and with no other."""
    if meaning.operation == "createKeypair" and exchange.reply.accepted:
        made = meaning.member("keypair", "publicKey") is None
        shown = "privateKey" in (exchange.content or {})["keypair"]
        if made and not shown:
            yield "does not show the private key of a key pair that the service made"
        elif shown and not made:
            yield "shows a private key although the public key was uploaded"


def fingerprint_is_that_of_the_key(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """The fingerprint of a key pair, where it has the usual form, is the MD5 of its public key."""
    if meaning.operation not in ("createKeypair", "listKeypairs") or not exchange.reply.accepted:
        return
    content: Any = exchange.content
    for one in [content["keypair"]] if "keypair" in content else content["keypairs"]:
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
    if meaning.operation != "getToken" or meaning.faults:
        return
    token = meaning.parameter("id")
    valid = ledger.valid_tokens(exchange.at).get(token)
    if valid and not exchange.reply.accepted:
        yield f"does not find a token that is valid ({exchange.reply.code})"
    elif valid is False and exchange.reply.accepted:
        yield "shows a token that has expired"
    elif exchange.reply.accepted and ledger.tokens.get(token) not in (None, _end_of_token(exchange)):
        yield "shows another end of a token than when it was issued"


def private_key_fits_the_public_one(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """The private key of a new key pair is that of its public key."""
    if meaning.operation != "createKeypair" or not exchange.reply.accepted:
        return
    keypair = (exchange.content or {})["keypair"]
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
    if public.split() != keypair["publicKey"].split()[:_PARTS_OF_A_KEY]:
        yield "shows a private key that is not that of the public key"


def login_needs_the_password(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A token is issued for the right user name and password, and for no others."""
    given = meaning.member("auth", "username"), meaning.member("auth", "password")
    if meaning.operation == "issueToken" and exchange.reply.accepted and ledger.login not in (None, given):
        yield "is accepted with a user name or a password that is wrong"


def _end_of_token(exchange: Exchange) -> float:
    return moment((exchange.content or {})["access"]["token"]["expires"])


KEY_CHECKS: Mapping[str, StateCheck] = {
    check.__name__: check
    for check in (
        keypair_reads_back_equal,
        keypair_is_there_until_it_is_deleted,
        keypair_names_are_exact,
        keypair_name_is_used_once,
        private_key_is_shown_once,
        private_key_fits_the_public_one,
        fingerprint_is_that_of_the_key,
        token_reads_back_equal,
        login_needs_the_password,
    )
}
