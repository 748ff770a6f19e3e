"""Derive ids, keys and chance from the seed, the world and a counter; never from the machine."""

from __future__ import annotations

import hashlib

import msgspec

_TOKEN_PREFIX = "00000000-0000-4000-8000-"  # recognisably no token of the real service
_DIGEST_VALUES = 2**64
_MAC_NUMBERS = 2**24


def user_id(seed: int, appkey: str, username: str) -> str:
    """Return the id of a user that the seed world does not have."""
    return _uuid(hashlib.sha256(f"{seed}/{appkey}/{username}/user".encode()).digest())


class Mint(msgspec.Struct):
    """Makes everything in one world that has to seem random and come out the same again."""

    seed: int
    appkey: str
    username: str
    counters: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(seed={self.seed}, counters={self.counters})"

    def resource_id(self, kind: str) -> str:
        """Return the next id of a kind: instance, attachment or image."""
        return _uuid(self._next(kind))

    def token_id(self) -> str:
        """Return the next token id."""
        return _TOKEN_PREFIX + self.resource_id("token").replace("-", "")[:12]

    def key_secret(self) -> bytes:
        """Return the 32 secret bytes of the next Ed25519 key."""
        return self._next("keypair")

    def fraction(self) -> float:
        """Return the next number from 0 up to 1, for durations."""
        return int.from_bytes(self._next("move")[:8]) / _DIGEST_VALUES

    def mac_address(self) -> str:
        """Return the next MAC address, beyond those of the seed world."""
        counters = self.counters
        counters["interface"] = count = counters.get("interface", 0) + 1
        number = (count + 0xFF) % _MAC_NUMBERS
        return "fa:16:3e:" + number.to_bytes(3).hex(":")

    def _next(self, kind: str) -> bytes:
        counters = self.counters
        counters[kind] = count = counters.get(kind, 0) + 1
        return hashlib.sha256(f"{self.seed}/{self.appkey}/{self.username}/{kind}/{count}".encode()).digest()


def _uuid(digest: bytes) -> str:
    """Return a UUID of version 4 from the first 16 bytes. By hand: `uuid.UUID` takes four times as long."""
    text = digest.hex()
    variant = "89ab"[digest[8] >> 4 & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"
