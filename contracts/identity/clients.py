"""OAuth clients: programs of others that act for users who agree, or for themselves (RFC 7591's words)."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.identity.roles import Scope
from contracts.identity.shared import Done, Line, Origin
from contracts.message import Message, query

MOST_CLIENTS = 50
"""The most clients that an owner has."""
MOST_REDIRECT_URIS = 10


class GrantType(StrEnum):
    """How a client gets its tokens."""

    AUTHORIZATION_CODE = "authorization_code"
    CLIENT_CREDENTIALS = "client_credentials"
    REFRESH_TOKEN = "refresh_token"


class OAuthClient(Message):
    """A client; a confidential one has a secret. Its id is also the user that its own tokens are for."""

    id: UUID7
    name: str
    confidential: bool
    redirect_uris: list[str]
    grant_types: list[GrantType]
    scopes: list[Scope]
    created_at: AwareDatetime


class NewOAuthClient(Message):
    """A client and its secret, which is never told again; a public one has none."""

    client: OAuthClient
    client_secret: str | None = None


class OAuthClients(Message):
    """All clients of an owner, newest first: at most MOST_CLIENTS."""

    clients: list[OAuthClient]


@query("identity", "create_client", senders=("gateway",), answer=NewOAuthClient)
class CreateClient(Message):
    """Register a client. Refused with `redirect_uri_not_valid`, `client_not_possible`, `too_many_clients`."""

    owner: UUID7
    name: Line
    confidential: bool
    redirect_uris: Annotated[list[str], Field(max_length=MOST_REDIRECT_URIS)] = Field(default_factory=list)
    grant_types: Annotated[list[GrantType], Field(min_length=1, max_length=3)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    origin: Origin


@query("identity", "list_clients", senders=("gateway",), answer=OAuthClients)
class ListClients(Message):
    """Read an owner's clients."""

    owner: UUID7


@query("identity", "rotate_client_secret", senders=("gateway",), answer=NewOAuthClient)
class RotateClientSecret(Message):
    """Give a client another secret; the old one holds no longer.

    Refused with `client_not_found`, `client_not_possible`.
    """

    owner: UUID7
    client: UUID7
    origin: Origin


@query("identity", "delete_client", senders=("gateway",), answer=Done)
class DeleteClient(Message):
    """Delete a client; all its sessions and tokens end. Refused with `client_not_found`."""

    owner: UUID7
    client: UUID7
    origin: Origin
