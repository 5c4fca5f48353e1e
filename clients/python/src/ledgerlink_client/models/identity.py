"""Users, sessions and API keys."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ledgerlink_client.models.resource import Resource


class User(Resource):
    """A user as they see themselves."""

    id: UUID
    email: str | None = None
    email_verified: bool = False
    role: str
    status: str = "active"
    second_factors: list[str] = Field(default_factory=list)
    created_at: datetime


class TokenResponse(Resource):
    """What the token endpoint and a login answer (RFC 6749 §5.1)."""

    access_token: str = Field(repr=False)
    token_type: str = "Bearer"  # noqa: S105 - the kind of token
    expires_in: int
    scope: str = ""
    refresh_token: str | None = Field(default=None, repr=False)
    session_id: UUID | None = None
    device_token: str | None = Field(default=None, repr=False)


class Session(Resource):
    """A login that still holds. `current` is the one that asks."""

    id: UUID
    client_id: str
    client_name: str
    device: str
    address: str
    scope: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool = False


class ApiKey(Resource):
    """A key without its secret; `prefix` is how it begins."""

    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None = None


class NewApiKey(Resource):
    """A key with its secret, which is never told again."""

    key: ApiKey
    secret: str = Field(repr=False)
