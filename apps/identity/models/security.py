"""Counters of failed guesses, and the security log."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, LargeBinary, Text
from sqlmodel import Field

from apps.identity.models.base import IdentityTable

_MOMENT = DateTime(timezone=True)


class FailedAttempts(IdentityTable, table=True):
    """How often a secret was guessed at in vain; the key is a keyed hash, so that this is no list of addresses."""

    __tablename__ = "failed_attempts"
    __table_args__ = (Index("failed_attempts_by_age", "last_at"), {"prefixes": ["UNLOGGED"]})

    key: bytes = Field(primary_key=True, sa_type=LargeBinary)
    failures: int
    last_at: datetime = Field(sa_type=_MOMENT)


class SecurityEventRow(IdentityTable, table=True):
    """Something that happened; a trigger refuses to change it. Where it came from is sealed under the user's key."""

    __tablename__ = "security_event"
    __table_args__ = (
        Index("security_event_of_user", "user_id", "id"),
        Index("security_event_of_kind", "kind", "id"),
    )

    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=_MOMENT)
    user_id: UUID | None = None
    actor: UUID | None = None
    about: str | None = Field(sa_type=Text)
    sealed_origin: bytes | None = Field(sa_type=LargeBinary)
