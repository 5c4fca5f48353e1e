"""User accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, LargeBinary, Text
from sqlmodel import Field

from apps.identity.models.base import IdentityTable


class UserAccount(IdentityTable, table=True):
    """A user; `email` is normalised, so that unique means one account an address.

    `personal_key` seals what is personal, and is sealed itself: who is erased loses it, and with it what it sealed.
    """

    __tablename__ = "user_account"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="user_account_email_normalised"),
        CheckConstraint(
            "role IN ('customer', 'merchant', 'analyst', 'operator', 'admin')",
            name="user_account_role",
        ),
        CheckConstraint("status IN ('active', 'deactivated', 'erased')", name="user_account_status"),
        CheckConstraint("version > 0", name="user_account_version"),
        CheckConstraint(
            "(status = 'erased') = (email IS NULL) AND (status <> 'erased' OR (password_hash IS NULL "
            "AND personal_key IS NULL AND email_verified_at IS NULL))",
            name="user_account_erased",
        ),
        Index("user_account_of_role", "role", "id"),
    )

    id: UUID = Field(primary_key=True)
    email: str | None = Field(sa_type=Text, unique=True)
    password_hash: str | None = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    status: str = Field(sa_type=Text, sa_column_kwargs={"server_default": "active"})
    version: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "1"})
    email_verified_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    personal_key: bytes | None = Field(sa_type=LargeBinary)
