"""API keys of merchants."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Column, DateTime, Index, LargeBinary, Text
from sqlmodel import Field

from apps.identity.models.base import IdentityTable


class ApiKeyRow(IdentityTable, table=True):
    """A key, of which only the hash and the beginning are kept; one that has ended is deleted."""

    __tablename__ = "api_key"
    __table_args__ = (Index("api_key_of_owner", "owner"),)

    id: UUID = Field(primary_key=True)
    owner: UUID = Field(foreign_key="user_account.id")
    name: str = Field(sa_type=Text)
    prefix: str = Field(sa_type=Text)
    secret_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime | None = Field(sa_type=DateTime(timezone=True))
