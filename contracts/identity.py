"""Messages of the identity service. Passwords and tokens travel only as queries, never through a stream."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import UUID7, AwareDatetime, EmailStr, Field, SecretStr, field_serializer

from contracts.message import Message, event, query

TOKEN_ISSUER = "https://ledgerlink.example/identity"
TOKEN_AUDIENCE = "https://ledgerlink.example/api"
"""The `iss` and `aud` of access tokens where the settings name no others (RFC 9068 §2.2)."""


class Role(StrEnum):
    """What kind of user an account is; the token's scopes follow from it."""

    CUSTOMER = "customer"
    OPERATOR = "operator"


class User(Message):
    """A registered user as its owner sees it."""

    id: UUID7
    email: str
    role: Role
    created_at: AwareDatetime


class AccessToken(Message):
    """An OAuth 2.0 bearer token response (RFC 6749 §5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: Annotated[int, Field(gt=0, description="Seconds")]
    scope: str


class SigningKeys(Message):
    """The public keys that verify access tokens, as a JWK set (RFC 7517 §5)."""

    keys: list[dict[str, Any]]


class _Credentials(Message):
    email: Annotated[EmailStr, Field(max_length=254)]
    password: Annotated[SecretStr, Field(min_length=12, max_length=128)]

    @field_serializer("password", when_used="json")
    def _reveal_on_the_wire(self, password: SecretStr) -> str:
        return password.get_secret_value()


@query("identity", "register", senders=("gateway",), answer=User)
class Register(_Credentials):
    """Register a customer. Refused with `email_taken`."""


@query("identity", "login", senders=("gateway",), answer=AccessToken)
class Login(_Credentials):
    """Exchange e-mail and password for an access token. Refused with `invalid_credentials`."""

    password: Annotated[SecretStr, Field(min_length=1, max_length=128)]


@query("identity", "get_signing_keys", senders=("gateway",), answer=SigningKeys)
class GetSigningKeys(Message):
    """Read the JWK set that verifies access tokens."""


@event("identity", "user.registered")
class UserRegistered(Message):
    """A user exists. Carries no personal data: streams are kept and widely read."""

    user_id: UUID7
    role: Role
    registered_at: AwareDatetime
