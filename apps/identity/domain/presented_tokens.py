"""Tokens that are shown to us again: what an access token of ours says, and what it is by now (RFC 7009, RFC 7662)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from jwt.exceptions import InvalidTokenError

from apps.identity.domain.access_tokens import Issuer
from apps.identity.domain.scopes import written
from apps.identity.domain.sessions import OpenSession
from contracts.identity import Introspection

_REQUIRED = ["iss", "aud", "sub", "client_id", "iat", "exp", "scope", "sid"]
NOT_ACTIVE = Introspection(active=False)


@dataclass(frozen=True)
class PresentedToken:
    """An access token that we signed and whose time is not over. `version` is None for a client's own."""

    session: UUID
    client_id: str
    version: int | None
    claims: dict[str, Any]

    @property
    def described(self) -> Introspection:
        """The token, as long as nothing has ended it."""
        named = {name: self.claims.get(name) for name in Introspection.model_fields}
        bound = self.claims.get("cnf") is not None
        return Introspection.model_validate(named | {"active": True, "token_type": "DPoP" if bound else "Bearer"})


def read_access_token(issuer: Issuer, text: str) -> PresentedToken | None:
    """Return an access token of ours; None when it is none, or has expired."""
    try:
        key = issuer.keyring.known.get(str(jwt.get_unverified_header(text).get("kid")))
        if key is None:
            return None
        claims = jwt.decode(
            text,
            key.private.public_key(),
            algorithms=["EdDSA"],
            issuer=issuer.issuer,
            audience=issuer.audience,
            options={"require": _REQUIRED},
        )
        return PresentedToken(UUID(claims["sid"]), str(claims["client_id"]), claims.get("ver"), claims)
    except (InvalidTokenError, ValueError, RecursionError):
        return None


def described_refresh_token(session: OpenSession, issuer: str, idle: timedelta) -> Introspection:
    """Return what the present refresh token of a session is."""
    return Introspection(
        active=True,
        scope=written(session.scopes),
        client_id=session.client_id,
        sub=session.user,
        sid=session.id,
        exp=_seconds(min(session.expires_at, session.last_used_at + idle)),
        iss=issuer,
        acr=session.acr.value,
        auth_time=_seconds(session.authenticated_at),
        cnf={"jkt": session.jkt} if session.jkt else None,
    )


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())
