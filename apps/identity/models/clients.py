"""OAuth clients, and what users have allowed them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, Index, LargeBinary, Text
from sqlmodel import Field

from apps.identity.models.base import IdentityTable

_MOMENT = DateTime(timezone=True)


class OAuthClientRow(IdentityTable, table=True):
    """A client; a confidential one has a secret, of which only the hash is kept."""

    __tablename__ = "oauth_client"
    __table_args__ = (Index("oauth_client_of_owner", "owner"),)

    id: UUID = Field(primary_key=True)
    owner: UUID = Field(foreign_key="user_account.id")
    name: str = Field(sa_type=Text)
    secret_hash: bytes | None = Field(sa_type=LargeBinary)
    redirect_uris: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    grant_types: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(sa_type=_MOMENT)
    deleted_at: datetime | None = Field(sa_type=_MOMENT)


class AuthorizationGrant(IdentityTable, table=True):
    """What a user is asked to allow, from signing in on: first the ticket stands for it, then the code.

    `version` is of the user's authority when they signed in: a password that is changed meanwhile ends the grant.
    """

    __tablename__ = "authorization_grant"
    __table_args__ = (
        Index("authorization_grant_of_user", "user_id"),
        Index("authorization_grant_of_client", "client_id"),
        Index("authorization_grant_of_session", "session_id"),
        Index("authorization_grant_by_expiry", "expires_at"),
    )

    id: UUID = Field(primary_key=True)
    ticket_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    code_hash: bytes | None = Field(sa_type=LargeBinary, unique=True)
    user_id: UUID = Field(foreign_key="user_account.id")
    version: int = Field(sa_type=BigInteger)
    client_id: UUID = Field(foreign_key="oauth_client.id")
    redirect_uri: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    code_challenge: str = Field(sa_type=Text)
    acr: str = Field(sa_type=Text)
    amr: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    authenticated_at: datetime = Field(sa_type=_MOMENT)
    expires_at: datetime = Field(sa_type=_MOMENT)
    answered_at: datetime | None = Field(sa_type=_MOMENT)
    redeemed_at: datetime | None = Field(sa_type=_MOMENT)
    session_id: UUID | None = Field(foreign_key="user_session.id")
