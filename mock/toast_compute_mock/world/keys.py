"""Make, read and fingerprint SSH key pairs in OpenSSH's formats."""

from __future__ import annotations

import base64
import hashlib
import struct
import textwrap

from ..rules import RefusedError, Rule

_TYPE = b"ssh-ed25519"
# The library takes certificates, and keys on tokens of hardware, for the keys in them.
_TYPES = frozenset({"ssh-rsa", "ssh-ed25519", *(f"ecdsa-sha2-nistp{bits}" for bits in (256, 384, 521))})
_MAGIC = b"openssh-key-v1\0"
_PEM_LABEL = "OPENSSH PRIVATE KEY"
_PEM_WIDTH = 70
_BLOCK = 8  # what the private part is padded to when it is not encrypted


def make_pair(secret: bytes) -> tuple[str, str]:
    """Return the public key as an OpenSSH line without comment, and the private key as PEM text.

    `secret` is the 32 bytes of an Ed25519 key. The PEM text is written here, because the library puts random numbers
    into it, and the same request has to give the same reply.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    blob = _strings(_TYPE, public)
    check = hashlib.sha256(blob).digest()[:4]  # equal twice, to tell a right passphrase from a wrong one
    private = check + check + _strings(_TYPE, public, secret + public, b"")
    private += bytes(range(1, -len(private) % _BLOCK + 1))
    container = _MAGIC + _strings(b"none", b"none", b"") + struct.pack(">I", 1) + _strings(blob, private)
    lines = textwrap.wrap(base64.b64encode(container).decode(), _PEM_WIDTH)
    pem = "\n".join([f"-----BEGIN {_PEM_LABEL}-----", *lines, f"-----END {_PEM_LABEL}-----", ""])
    return f"{_TYPE.decode()} {base64.b64encode(blob).decode()}", pem


def read_public(text: str) -> str:
    """Return a public key that was uploaded, without the space around it. Raises RefusedError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    line = text.strip()
    try:
        load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise RefusedError(Rule.BAD_PUBLIC_KEY) from None
    if len(line.splitlines()) > 1 or line.split()[0] not in _TYPES:
        raise RefusedError(Rule.BAD_PUBLIC_KEY)
    return line


def fingerprint(public_key: str) -> str:
    """Return the MD5 fingerprint of an OpenSSH public key, in pairs of hexadecimal digits."""
    blob = base64.b64decode(public_key.split()[1])
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def _strings(*values: bytes) -> bytes:
    """Return values as SSH writes them: each behind its length."""
    return b"".join(struct.pack(">I", len(value)) + value for value in values)
