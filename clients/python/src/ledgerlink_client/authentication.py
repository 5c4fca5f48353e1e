"""Who asks: a user with a password, a program with an API key or an OAuth client's secret, or tokens of before."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ledgerlink_client.models.identity import TokenResponse

FIRST_PARTY = "ledgerlink"
"""The OAuth client of those who log in at the API itself."""
_EARLY_SECONDS = 30.0
_EARLY_SHARE = 0.1


@dataclass(frozen=True)
class Tokens:
    """What a login or a refresh gave; worth keeping as a password is."""

    access_token: str = field(repr=False)
    expires_at: datetime
    scope: str = ""
    refresh_token: str | None = field(default=None, repr=False)
    session_id: UUID | None = None
    device_token: str | None = field(default=None, repr=False)
    lifetime: float = 900.0

    @classmethod
    def of(cls, response: TokenResponse, before: "Tokens | None", now: datetime) -> "Tokens":
        """Take over an answer; what it does not say again stays as it was."""
        return cls(
            access_token=response.access_token,
            expires_at=now + timedelta(seconds=response.expires_in),
            scope=response.scope or (before.scope if before else ""),
            refresh_token=response.refresh_token or (before.refresh_token if before else None),
            session_id=response.session_id or (before.session_id if before else None),
            device_token=response.device_token or (before.device_token if before else None),
            lifetime=float(response.expires_in),
        )

    def is_due(self, now: datetime) -> bool:
        """Tell whether the access token ends so soon that it should be renewed before it is used."""
        return now >= self.expires_at - timedelta(seconds=min(_EARLY_SECONDS, self.lifetime * _EARLY_SHARE))


SecondFactor = Callable[[], Awaitable[str]]
"""Asks a person, or an authenticator, for the six digits of now."""


@dataclass(frozen=True)
class Password:
    """A user of the API itself. `otp` is called at a login whose account has a second factor."""

    email: str
    password: str = field(repr=False)
    otp: SecondFactor | None = None
    device_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ApiKey:
    """A merchant's server, by a key that was made with `api_keys.create`."""

    secret: str = field(repr=False)


@dataclass(frozen=True)
class AccessToken:
    """Whoever an access token is for that somebody else keeps and renews."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class ClientCredentials:
    """A program of its own, by OAuth's client credentials grant (RFC 6749 §4.4)."""

    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None


@dataclass(frozen=True)
class SavedTokens:
    """A session of before, by its refresh token; `client_id` is which OAuth client it was given to."""

    tokens: Tokens
    client_id: str = FIRST_PARTY
    client_secret: str | None = field(default=None, repr=False)


Authentication = Password | ApiKey | AccessToken | ClientCredentials | SavedTokens
KeepTokens = Callable[[Tokens], Awaitable[None]]
"""Called with new tokens, before they are used: keep them, as the refresh token of before holds no longer."""


def now() -> datetime:
    """Return the time, for expiries."""
    return datetime.now(UTC)
