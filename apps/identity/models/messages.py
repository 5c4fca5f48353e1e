"""Messages to users, the tokens they carry, and what guards against guesses."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, LargeBinary, Text, text
from sqlmodel import Field

from apps.identity.models.base import IdentityTable

_MOMENT = DateTime(timezone=True)


class OneTimeToken(IdentityTable, table=True):
    """A token that was sent to a user, of which only the hash is kept."""

    __tablename__ = "one_time_token"
    __table_args__ = (
        CheckConstraint("purpose IN ('verify_email', 'reset_password')", name="one_time_token_purpose"),
        Index("one_time_token_of_user", "user_id"),
        Index("one_time_token_by_expiry", "expires_at"),
    )

    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    purpose: str = Field(sa_type=Text)
    user_id: UUID = Field(foreign_key="user_account.id")
    expires_at: datetime = Field(sa_type=_MOMENT)
    used_at: datetime | None = Field(sa_type=_MOMENT)


class OutgoingMessage(IdentityTable, table=True):
    """A message that waits for its sender (`next_at`), was sent (`sent_at`), or was given up (neither).

    `user_id` is null while it is not known whether the address has an account: looking is the sender's work.
    """

    __tablename__ = "outgoing_message"
    __table_args__ = (
        Index("outgoing_message_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("outgoing_message_of_user", "user_id"),
        Index("outgoing_message_by_age", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    purpose: str = Field(sa_type=Text)
    user_id: UUID | None = Field(foreign_key="user_account.id")
    sealed: bytes = Field(sa_type=LargeBinary)
    attempts: int = Field(sa_column_kwargs={"server_default": "0"})
    next_at: datetime | None = Field(sa_type=_MOMENT)
    sent_at: datetime | None = Field(sa_type=_MOMENT)
    created_at: datetime = Field(sa_type=_MOMENT)
