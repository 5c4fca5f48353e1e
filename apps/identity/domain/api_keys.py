"""API keys: long random texts that begin with what they are, for which their owner chose scopes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from apps.identity.domain.secret_tokens import fresh_token
from contracts.identity import KEY_PREFIX, ApiKey, Scope

_SHOWN = len(KEY_PREFIX) + 8


def fresh_key() -> str:
    """Return a key of 256 random bits."""
    return fresh_token(KEY_PREFIX)


@dataclass(frozen=True)
class OwnedKey:
    """A key of an owner, without its secret; `prefix` is how the secret begins: 48 of its bits."""

    id: UUID
    owner: UUID
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None

    @property
    def shown(self) -> ApiKey:
        """The key as its owner sees it."""
        return ApiKey(
            id=self.id,
            name=self.name,
            prefix=self.prefix,
            scopes=list(self.scopes),
            created_at=self.created_at,
            expires_at=self.expires_at,
        )


def prefix_of(secret: str) -> str:
    """Return how a key begins: enough to tell which it is."""
    return secret[:_SHOWN]


def replaced_until(expires_at: datetime | None, overlap_hours: int, now: datetime) -> datetime:
    """Return until when a key holds that another takes the place of: never longer than it would have."""
    until = now + timedelta(hours=overlap_hours)
    return until if expires_at is None else min(expires_at, until)
