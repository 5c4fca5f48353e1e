"""Second factors and passkeys of users."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, Text
from sqlmodel import Field

from apps.identity.models.base import IdentityTable

_MOMENT = DateTime(timezone=True)


class Totp(IdentityTable, table=True):
    """One-time codes of a user: they count once confirmed. `last_step` is the last one whose code was taken."""

    __tablename__ = "totp"

    user_id: UUID = Field(primary_key=True, foreign_key="user_account.id")
    sealed_secret: bytes = Field(sa_type=LargeBinary)
    confirmed_at: datetime | None = Field(sa_type=_MOMENT)
    last_step: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    created_at: datetime = Field(sa_type=_MOMENT)


class RecoveryCode(IdentityTable, table=True):
    """A code that stands for a second factor once."""

    __tablename__ = "recovery_code"

    user_id: UUID = Field(primary_key=True, foreign_key="user_account.id")
    code_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    used_at: datetime | None = Field(sa_type=_MOMENT)


class PasskeyRow(IdentityTable, table=True):
    """A passkey of a user: a public key in COSE, and how often it has signed."""

    __tablename__ = "passkey"
    __table_args__ = (Index("passkey_of_user", "user_id"),)

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id")
    credential_id: bytes = Field(sa_type=LargeBinary, unique=True)
    public_key: bytes = Field(sa_type=LargeBinary)
    sign_count: int = Field(sa_type=BigInteger)
    name: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=_MOMENT)
    last_used_at: datetime | None = Field(sa_type=_MOMENT)


class AnsweredChallenge(IdentityTable, table=True):
    """A challenge that a passkey has answered, until nobody can answer it any more."""

    __tablename__ = "answered_challenge"
    __table_args__ = (Index("answered_challenge_by_expiry", "expires_at"),)

    id: UUID = Field(primary_key=True)
    expires_at: datetime = Field(sa_type=_MOMENT)
