"""Check that the mock's key pairs are real ones."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_private_key,
)

from ..conftest import Cloud

# `ssh-keygen -l -E md5` of this key says the same.
KNOWN_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA180OFNdljnMq8O6h9+Rg9wtmYwWFciugL5GBBw26q3"
KNOWN_FINGERPRINT = "84:d4:46:6b:42:9e:79:34:70:11:49:3b:73:9c:a6:88"


def openssh(key: ed25519.Ed25519PublicKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def upload(cloud: Cloud, key: str) -> int:
    return cloud.code("POST", "keypairs", {"keypair": {"name": "uploaded", "publicKey": key}})


def test_private_key_that_is_shown_belongs_to_the_public_one(cloud: Cloud) -> None:
    made = cloud.send("POST", "keypairs", {"keypair": {"name": "my-key"}})["keypair"]
    private = load_ssh_private_key(made["privateKey"].encode(), None)
    assert isinstance(private, ed25519.Ed25519PrivateKey)
    assert openssh(private.public_key()) == made["publicKey"]
    assert made["privateKey"].endswith("-----\n")
    # As long as the library's own, which differs only in its random numbers.
    assert len(made["privateKey"]) == len(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))


def test_private_key_is_shown_once(cloud: Cloud) -> None:
    cloud.send("POST", "keypairs", {"keypair": {"name": "my-key"}})
    assert "privateKey" not in cloud.send("GET", "keypairs", query="name=my-key")["keypairs"][0]


def test_keys_that_are_made_one_after_another_differ(cloud: Cloud) -> None:
    keys = {cloud.send("POST", "keypairs", {"keypair": {"name": n}})["keypair"]["publicKey"] for n in "abc"}
    assert len(keys) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: rsa.generate_private_key(65537, 2048).public_key(),
        lambda: ec.generate_private_key(ec.SECP256R1()).public_key(),
        lambda: ed25519.Ed25519PrivateKey.generate().public_key(),
    ],
    ids=["RSA", "ECDSA", "Ed25519"],
)
def test_keys_of_the_usual_types_can_be_uploaded(
    cloud: Cloud, make: Callable[[], ed25519.Ed25519PublicKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey]
) -> None:
    assert upload(cloud, openssh(make()) + " me@home\n") == 0


def test_fingerprint_is_the_one_that_ssh_shows(cloud: Cloud) -> None:
    upload(cloud, KNOWN_KEY)
    (shown,) = cloud.send("GET", "keypairs", query="name=uploaded")["keypairs"]
    assert (shown["publicKey"], shown["fingerprint"]) == (KNOWN_KEY, KNOWN_FINGERPRINT)


def test_certificate_is_not_accepted_as_a_key(cloud: Cloud) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    signed = SSHCertificateBuilder().public_key(key.public_key()).type(SSHCertificateType.USER).serial(1)
    signed = signed.key_id(b"me").valid_principals([b"root"]).valid_after(0).valid_before(2**32)
    certificate = signed.sign(key)
    assert upload(cloud, certificate.public_bytes().decode()) == -4


def test_key_on_a_token_of_hardware_is_of_another_type(cloud: Cloud) -> None:
    parts = (b"sk-ssh-ed25519@openssh.com", bytes(range(32)), b"ssh:")
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert upload(cloud, f"{parts[0].decode()} {base64.b64encode(blob).decode()}") == -4


def test_two_lines_are_not_accepted_as_a_key(cloud: Cloud) -> None:
    assert upload(cloud, f"{KNOWN_KEY} a\n{KNOWN_KEY} b") == -4
