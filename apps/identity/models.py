"""The tables of the identity service."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, MetaData, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

metadata = MetaData()


class _IdentityTable(SQLModel, registry=registry(metadata=metadata)):
    metadata = metadata


class UserAccount(_IdentityTable, table=True):
    """A user; `email` is normalised, so that unique means one account an address."""

    __tablename__ = "user_account"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="user_account_email_normalised"),
        CheckConstraint("role IN ('customer', 'operator')", name="user_account_role"),
    )

    id: UUID = Field(primary_key=True)
    email: str = Field(sa_type=Text, unique=True)
    password_hash: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
