"""Access tokens: signed JWTs that anyone with the public key can check (RFC 9068, EdDSA of RFC 8037)."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from apps.identity.domain.account import Account
from apps.identity.domain.scopes import scopes_of, written
from contracts.identity import AccessToken
from contracts.ids import new_id


class SigningKey:
    """The Ed25519 key that signs tokens; its id is its thumbprint, so that a new key needs no numbering."""

    def __init__(self, pem: str) -> None:
        key = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("the signing key is not an Ed25519 private key in PEM")
        self.private = key
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._thumbprinted = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public)}
        self.id = thumbprint(self._thumbprinted)

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public half as a JWK (RFC 8037 §2)."""
        return self._thumbprinted | {"alg": "EdDSA", "kid": self.id, "use": "sig"}


def thumbprint(required_members: dict[str, str]) -> str:
    """Return the SHA-256 thumbprint of a key's required members (RFC 7638 §3)."""
    canonical = orjson.dumps(required_members, option=orjson.OPT_SORT_KEYS)
    return _base64url(hashlib.sha256(canonical).digest())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass(frozen=True)
class Issuer:
    """Who says so, to whom, through which client, and for how long it holds."""

    key: SigningKey
    issuer: str
    audience: str
    client_id: str
    lifetime: timedelta

    def issue(self, account: Account, now: datetime) -> AccessToken:
        """Return a bearer token with the claims that RFC 9068 §2.2 requires, and the role."""
        scope = written(scopes_of(account.role))
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": str(account.id),
            "client_id": self.client_id,
            "iat": int(now.timestamp()),
            "exp": int((now + self.lifetime).timestamp()),
            "jti": str(new_id()),
            "scope": scope,
            "role": account.role.value,
        }
        headers = {"typ": "at+jwt", "kid": self.key.id}
        token = jwt.encode(claims, self.key.private, algorithm="EdDSA", headers=headers)
        return AccessToken(access_token=token, expires_in=int(self.lifetime.total_seconds()), scope=scope)
