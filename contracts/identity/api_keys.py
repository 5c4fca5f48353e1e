"""API keys: how a merchant's own servers act for the merchant."""

from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.identity.roles import Role, Scope
from contracts.identity.shared import Done, Line, Origin
from contracts.message import Message, query

MOST_KEYS = 100
"""The most API keys that an owner has."""
KEY_PREFIX = "llk_"


class ApiKey(Message):
    """A key without its secret; `prefix` is how it begins, so that one can tell which it is."""

    id: UUID7
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None


class NewApiKey(Message):
    """A key with its secret, which is never told again."""

    key: ApiKey
    secret: str


class ApiKeys(Message):
    """All keys of an owner that hold, newest first: at most MOST_KEYS."""

    keys: list[ApiKey]


class KeyHolder(Message):
    """Who a key acts for, and what it allows: what it was made for and its owner still may."""

    key: UUID7
    user: UUID7
    role: Role
    scopes: list[Scope]
    version: int
    expires_at: AwareDatetime | None = None


@query("identity", "create_api_key", senders=("gateway",), answer=NewApiKey)
class CreateApiKey(Message):
    """Make a key. Refused with `scope_not_granted`, `expiry_in_past`, `too_many_keys`."""

    owner: UUID7
    name: Line
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_at: AwareDatetime | None = None
    origin: Origin


@query("identity", "list_api_keys", senders=("gateway",), answer=ApiKeys)
class ListApiKeys(Message):
    """Read an owner's keys."""

    owner: UUID7


@query("identity", "rotate_api_key", senders=("gateway",), answer=NewApiKey)
class RotateApiKey(Message):
    """Make a key that takes the place of another, which holds for `overlap_hours` more.

    Refused with `api_key_not_found`, `too_many_keys`.
    """

    owner: UUID7
    key: UUID7
    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24
    origin: Origin


@query("identity", "revoke_api_key", senders=("gateway",), answer=Done)
class RevokeApiKey(Message):
    """End a key at once. Refused with `api_key_not_found`."""

    owner: UUID7
    key: UUID7
    origin: Origin


@query("identity", "check_api_key", senders=("gateway",), answer=KeyHolder)
class CheckApiKey(Message):
    """Say whose key it is, by the SHA-256 of the whole key. Refused with `invalid_token`."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
