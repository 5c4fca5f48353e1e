"""Sessions, and what has been revoked."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from apps.identity.models.base import IdentityTable


class UserSession(IdentityTable, table=True):
    """A login. `generation` counts its refresh tokens, `replaced` are the instants at which the last ones were."""

    __tablename__ = "user_session"
    __table_args__ = (
        CheckConstraint("generation > 0", name="user_session_generation"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="user_session_ended"),
        Index("user_session_of_user", "user_id", postgresql_where=text("ended_at IS NULL")),
        Index("user_session_of_client", "client_id", postgresql_where=text("ended_at IS NULL")),
        Index("user_session_by_expiry", "expires_at"),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id")
    client_id: str = Field(sa_type=Text)
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    jkt: str | None = Field(sa_type=Text)
    salt: bytes = Field(sa_type=LargeBinary)
    generation: int = Field(sa_type=BigInteger)
    replaced: list[datetime] = Field(
        sa_column=Column(ARRAY(DateTime(timezone=True)), nullable=False, server_default="{}")
    )
    acr: str = Field(sa_type=Text)
    amr: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    authenticated_at: datetime = Field(sa_type=DateTime(timezone=True))
    sealed_origin: bytes | None = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_used_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    end_reason: str | None = Field(sa_type=Text)


class Revocation(IdentityTable, table=True):
    """A grant that has ended, or the lowest version of a user's authority that holds."""

    __tablename__ = "revocation"
    __table_args__ = (
        CheckConstraint(
            "(grant_id IS NOT NULL) <> (user_id IS NOT NULL AND version IS NOT NULL)", name="revocation_of_something"
        ),
        Index("revocation_by_time", "revoked_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    grant_id: UUID | None = None
    user_id: UUID | None = None
    version: int | None = Field(sa_type=BigInteger)
    revoked_at: datetime = Field(sa_type=DateTime(timezone=True))
