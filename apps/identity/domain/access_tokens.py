"""Access tokens: signed JWTs that anyone with the public key can check (RFC 9068, EdDSA of RFC 8037)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import jwt

from apps.identity.domain.scopes import written
from apps.identity.domain.signing_keys import Keyring
from contracts.identity import AccessToken, Acr, Role, Scope
from contracts.ids import new_id

LEEWAY = timedelta(seconds=5)
"""How long after its expiry a token may still be accepted, for clocks that differ."""
_REVOCATIONS_KEPT = timedelta(minutes=5)
"""So much longer than a token can hold: for clocks that differ, and changes that take long to commit."""


@dataclass(frozen=True)
class Grant:
    """What a token is issued for. `id` is the session, or the OAuth client where it acts for itself.

    `version` is of the user's authority; a client of its own has none, and was authenticated by its secret. `jkt` is
    the thumbprint of the key to which the token is bound (RFC 9449 §6.1).
    """

    id: UUID
    subject: UUID
    role: Role
    client_id: str
    scopes: tuple[Scope, ...]
    version: int | None = None
    acr: Acr | None = None
    methods: tuple[str, ...] = ()
    authenticated_at: datetime | None = None
    jkt: str | None = None


@dataclass(frozen=True)
class Issuer:
    """Who says so, to whom, and for how long it holds."""

    keyring: Keyring
    issuer: str
    audience: str
    lifetime: timedelta

    def issue(self, grant: Grant, now: datetime) -> AccessToken:
        """Return a token with the claims of RFC 9068 §2.2, and the role. Raises KeysNotKnownError."""
        key = self.keyring.signing(now)
        scope = written(grant.scopes)
        claims = self._claims(grant, scope, now)
        headers = {"typ": "at+jwt", "kid": key.id}
        kind: Literal["DPoP", "Bearer"] = "DPoP" if grant.jkt else "Bearer"
        return AccessToken(
            access_token=jwt.encode(claims, key.private, algorithm="EdDSA", headers=headers),
            token_type=kind,
            expires_in=int(self.lifetime.total_seconds()),
            scope=scope,
        )

    def _claims(self, grant: Grant, scope: str, now: datetime) -> dict[str, Any]:
        issued_at = int(now.timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": str(grant.subject),
            "client_id": grant.client_id,
            "iat": issued_at,
            "exp": issued_at + int(self.lifetime.total_seconds()),
            "jti": str(new_id()),
            "scope": scope,
            "role": grant.role.value,
            "sid": str(grant.id),
        }
        if grant.version is not None:
            claims["ver"] = grant.version
        if grant.acr is not None and grant.authenticated_at is not None:
            claims |= {
                "acr": grant.acr.value,
                "amr": list(grant.methods),
                "auth_time": int(grant.authenticated_at.timestamp()),
            }
        if grant.jkt is not None:
            claims["cnf"] = {"jkt": grant.jkt}
        return claims


def oldest_revocation(now: datetime, token_lifetime: timedelta) -> datetime:
    """Return the instant before which a revocation concerns no token any more."""
    return now - token_lifetime - LEEWAY - _REVOCATIONS_KEPT
