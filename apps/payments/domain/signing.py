"""How a delivery is signed (Standard Webhooks 1.0): by a secret shared with the endpoint, and by the service's own key.

Both sign `<webhook-id>.<webhook-timestamp>.<body>`. During a rotation the old secret signs, too.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_PREFIX = "whsec_"
_SECRET_BYTES = 32
_SEED_BYTES = 32


class UnreadableSecretError(Exception):
    """A stored secret was sealed under a key that is not among the settings' any more."""


class SigningKeys:
    """The service's Ed25519 keys. All of them sign and are published, so that one can follow another unnoticed."""

    def __init__(self, seeds: str) -> None:
        """Take base64 seeds, separated by commas. Raises ValueError."""
        self._keys = [Ed25519PrivateKey.from_private_bytes(_seed(text)) for text in seeds.split(",")]

    def sign(self, content: bytes) -> list[str]:
        """Return a signature by each key."""
        return [f"v1a,{_base64(key.sign(content))}" for key in self._keys]

    @property
    def jwks(self) -> list[dict[str, Any]]:
        """The public halves as JWKs (RFC 8037 §2), each named by its thumbprint (RFC 7638)."""
        return [_jwk(key) for key in self._keys]


class SecretBox:
    """Seals endpoint secrets for the database: the first key seals, all of them open."""

    def __init__(self, keys: str) -> None:
        """Take Fernet keys, separated by commas. Raises ValueError."""
        self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",")])

    def seal(self, secret: str) -> bytes:
        """Return what may be stored."""
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """Return the secret. Raises UnreadableSecretError."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise UnreadableSecretError from None


def new_secret() -> str:
    """Return a fresh secret as receivers are given it."""
    return _PREFIX + _base64(secrets.token_bytes(_SECRET_BYTES))


def signed_headers(
    message_id: UUID, at: datetime, body: bytes, shared: Sequence[str], keys: SigningKeys
) -> dict[str, str]:
    """Return the three headers of an attempt at `at`; `shared` are the endpoint's secrets, the current one first."""
    timestamp = str(int(at.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = [_hmac(secret, content) for secret in shared] + keys.sign(content)
    return {
        "webhook-id": str(message_id),
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def _hmac(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return f"v1,{_base64(hmac.digest(key, content, 'sha256'))}"


def _jwk(key: Ed25519PrivateKey) -> dict[str, Any]:
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = _base64url(public)
    thumbprint = hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "use": "sig", "kid": _base64url(thumbprint)}


def _seed(text: str) -> bytes:
    try:
        seed = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        seed = b""
    if len(seed) != _SEED_BYTES:
        raise ValueError("a webhook signing key is not the base64 of 32 bytes")
    return seed


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
