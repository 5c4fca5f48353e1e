"""The keys that sign access tokens: which one signs now, which ones check, and when the next is due.

A key is published some time before it signs, so that whoever checks tokens knows it by then; the one before it goes on
checking until no token that it signed can hold any more.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from apps.identity.domain.secret_tokens import base64url

STALE = timedelta(minutes=2)
"""A replica that could not read the keys for so long signs no more; until then it may sign with the key before."""
_MARGIN = STALE + timedelta(minutes=1)
"""A key checks so much longer than it would have to: for such replicas, and for clocks that differ."""


class KeysNotKnownError(RuntimeError):
    """No key that may sign is known."""


@dataclass(frozen=True)
class KeyTimes:
    """When a key was made, and from when on it signs."""

    kid: str
    created_at: datetime
    signs_from: datetime


@dataclass(frozen=True)
class Schedule:
    """How often another key signs, how long before that it is published, and how long a token holds."""

    every: timedelta = timedelta(days=30)
    ahead: timedelta = timedelta(seconds=10)
    token_lifetime: timedelta = timedelta(minutes=15)

    def is_due(self, keys: Sequence[KeyTimes], now: datetime) -> bool:
        """Tell whether the next key is to be made now; `keys` are all, newest first."""
        return not keys or now >= keys[0].signs_from + self.every - self.ahead

    def next_signs_from(self, keys: Sequence[KeyTimes], now: datetime) -> datetime:
        """Return from when on a key that is made now signs: the very first one at once."""
        return now + self.ahead if keys else now

    def is_under_way(self, keys: Sequence[KeyTimes], now: datetime) -> bool:
        """Tell whether the next key is published and does not sign yet."""
        return bool(keys) and keys[0].signs_from > now

    def checks_until(self, keys: Sequence[KeyTimes], position: int) -> datetime | None:
        """Return until when the key at a position checks: as long as a token that it signed may hold."""
        if position == 0:
            return None
        return keys[position - 1].signs_from + self.token_lifetime + _MARGIN

    def expired(self, keys: Sequence[KeyTimes], now: datetime) -> list[str]:
        """Return the ids of those that check no longer."""
        ends = ((key.kid, self.checks_until(keys, position)) for position, key in enumerate(keys))
        return [kid for kid, end in ends if end is not None and end <= now]


class KeyPair:
    """An Ed25519 key that signs tokens; its id is its thumbprint, so that a new key needs no numbering."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.private = private
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._thumbprinted = {"crv": "Ed25519", "kty": "OKP", "x": base64url(public)}
        self.id = thumbprint(self._thumbprinted)

    @classmethod
    def generate(cls) -> Self:
        """Make a key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, pem: bytes) -> Self:
        """Read a key. Raises TypeError when it is of another kind, ValueError when it is none."""
        key = load_pem_private_key(pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("the signing key is not an Ed25519 private key in PEM")
        return cls(key)

    @property
    def private_pem(self) -> bytes:
        """The private key, in clear: to be sealed before it goes anywhere."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public half as a JWK (RFC 8037 §2)."""
        return self._thumbprinted | {"alg": "EdDSA", "kid": self.id, "use": "sig"}


class Keyring:
    """The keys that this process has read last; only such as are committed, so that no token is signed by another."""

    def __init__(self) -> None:
        self._keys: list[tuple[datetime, KeyPair]] = []
        self._read_at: datetime | None = None

    @property
    def known(self) -> dict[str, KeyPair]:
        """The keys by their ids."""
        return {key.id: key for _, key in self._keys}

    def replace(self, keys: Sequence[tuple[datetime, KeyPair]], now: datetime) -> None:
        """Take the keys that there are, each with the instant from which on it signs."""
        self._keys = sorted(keys, key=lambda known: known[0], reverse=True)
        self._read_at = now

    def signing(self, now: datetime) -> KeyPair:
        """Return the key that signs now, the newest that has begun to. Raises KeysNotKnownError."""
        if self._read_at is None or now - self._read_at > STALE:
            raise KeysNotKnownError("the signing keys could not be read for too long")
        for signs_from, key in self._keys:
            if signs_from <= now:
                return key
        raise KeysNotKnownError("no key signs yet")


def thumbprint(required_members: dict[str, str]) -> str:
    """Return the SHA-256 thumbprint of a key's required members (RFC 7638 §3)."""
    canonical = orjson.dumps(required_members, option=orjson.OPT_SORT_KEYS)
    return base64url(hashlib.sha256(canonical).digest())
