"""Sessions: what a login begins, and until when it holds."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from apps.identity.domain.access_tokens import Grant
from apps.identity.domain.authentication import Authentication
from apps.identity.domain.scopes import narrowed
from contracts.identity import Acr, Origin, RevocationReason, Role, Scope


@dataclass(frozen=True)
class NewSession:
    """What begins a session: who was authenticated, through which client, and what it may do.

    `jkt` is the DPoP key to which its tokens are bound. Without a refresh token it ends with its access token.
    """

    authentication: Authentication
    client_id: str
    scopes: tuple[Scope, ...]
    jkt: str | None
    origin: Origin | None
    with_refresh_token: bool = True


@dataclass(frozen=True)
class OpenSession:
    """A session as it is kept.

    `generation` is that of the refresh token that holds now; `replaced` are the instants at which the ones before it
    were replaced, the newest last, as far back as they still matter.
    """

    id: UUID
    user: UUID
    client_id: str
    scopes: tuple[Scope, ...]
    jkt: str | None
    salt: bytes = field(repr=False)
    generation: int
    replaced: tuple[datetime, ...]
    acr: Acr
    methods: tuple[str, ...]
    authenticated_at: datetime
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    end_reason: RevocationReason | None = None

    def holds(self, now: datetime, idle: timedelta) -> bool:
        """Tell whether it has neither ended nor expired, and was used not too long ago."""
        return self.end_reason is None and now < self.expires_at and now < self.last_used_at + idle

    def grant(self, role: Role, version: int, scopes: tuple[Scope, ...] | None = None) -> Grant:
        """Return what an access token of it is issued for; never more than its user's role has by now."""
        return Grant(
            id=self.id,
            subject=self.user,
            role=role,
            client_id=self.client_id,
            scopes=narrowed(role, self.scopes if scopes is None else scopes),
            version=version,
            acr=self.acr,
            methods=self.methods,
            authenticated_at=self.authenticated_at,
            jkt=self.jkt,
        )

    def authenticated_again(self, authentication: Authentication, now: datetime) -> "OpenSession":
        """Return it after its user has proven again who they are (RFC 9470)."""
        return replace(
            self,
            acr=authentication.acr,
            methods=authentication.methods,
            authenticated_at=authentication.at,
            last_used_at=max(now, self.last_used_at),
        )
