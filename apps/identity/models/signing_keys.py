"""The keys that sign access tokens."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, LargeBinary, Text
from sqlmodel import Field

from apps.identity.models.base import IdentityTable


class SigningKey(IdentityTable, table=True):
    """A key pair, known by its thumbprint; no two begin to sign at the same instant."""

    __tablename__ = "signing_key"

    kid: str = Field(sa_type=Text, primary_key=True)
    public_jwk: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    sealed_private: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    signs_from: datetime = Field(sa_type=DateTime(timezone=True), unique=True)
