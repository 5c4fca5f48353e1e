"""OAuth 2.1: authorization code with PKCE, client credentials, revocation (RFC 7009) and introspection (RFC 7662)."""

from typing import Annotated

from pydantic import UUID7, BaseModel, ConfigDict, EmailStr, Field

from contracts.identity.sessions import AccessToken
from contracts.identity.shared import AnyToken, Done, GivenPassword, Jkt, Origin, Secret
from contracts.message import Message, query


class AuthorizationRequest(BaseModel):
    """The parameters of an authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3), as they came."""

    model_config = ConfigDict(frozen=True)

    response_type: Annotated[str, Field(max_length=64)] = ""
    client_id: Annotated[str, Field(max_length=64)] = ""
    redirect_uri: Annotated[str, Field(max_length=2000)] = ""
    scope: Annotated[str, Field(max_length=500)] = ""
    state: Annotated[str, Field(max_length=1000)] = ""
    code_challenge: Annotated[str, Field(max_length=128)] = ""
    code_challenge_method: Annotated[str, Field(max_length=16)] = ""
    acr_values: Annotated[str, Field(max_length=100)] = ""
    login_hint: Annotated[str, Field(max_length=254)] = ""


class AuthorizationPrompt(Message):
    """What to show to the user. With `error` (RFC 6749 §4.1.2.1) the client is told so at its redirect URI instead."""

    client_name: str
    scopes: list[str]
    error: str | None = None
    error_description: str | None = None


@query("identity", "check_authorization", senders=("gateway",), answer=AuthorizationPrompt)
class CheckAuthorization(Message):
    """Check an authorization request before anything is shown.

    Refused with `client_not_found` and `redirect_uri_not_valid`: then nobody may be sent anywhere (RFC 9700 §4.11).
    """

    request: AuthorizationRequest


class SignedIn(Message):
    """The user has signed in; `ticket` stands for that on the consent page, for some minutes."""

    ticket: str
    client_name: str
    scopes: Annotated[list[str], Field(description="What the client would get: what it asks for and the user has")]
    email: str


@query("identity", "sign_in", senders=("gateway",), answer=SignedIn)
class SignIn(Message):
    """Sign in on the page of an authorization request. Refused as Login and CheckAuthorization are.

    Refused with `unmet_authentication_requirements`, `invalid_scope` as well: these the client is told.
    """

    request: AuthorizationRequest
    email: Annotated[EmailStr, Field(max_length=254)]
    password: GivenPassword
    otp: Annotated[str | None, Field(pattern="^[0-9]{6}$")] = None
    recovery_code: Secret | None = None
    device_token: Secret | None = None
    origin: Origin


class AuthorizationAnswer(Message):
    """The parameters with which the user is sent back to `redirect_uri`: a code, or an error."""

    redirect_uri: str
    state: str
    code: str | None = None
    error: str | None = None
    device_token: str | None = None


@query("identity", "answer_consent", senders=("gateway",), answer=AuthorizationAnswer)
class AnswerConsent(Message):
    """Allow or deny what a client asks for. Refused with `ticket_not_valid`."""

    ticket: Secret
    allow: bool
    device_token: Secret | None = None
    origin: Origin


class ClientAuthentication(BaseModel):
    """Who a client says it is; a public client has no secret."""

    model_config = ConfigDict(frozen=True)

    client_id: Annotated[str, Field(max_length=64)]
    client_secret: Secret | None = None


@query("identity", "redeem_code", senders=("gateway",), answer=AccessToken)
class RedeemCode(Message):
    """Exchange an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.6). Redeemed twice, it ends what it gave.

    `redirect_uri` is compared where it is sent; OAuth 2.1 leaves it out. Refused with `invalid_client`,
    `unauthorized_client`, `invalid_grant`.
    """

    client: ClientAuthentication
    code: Secret
    redirect_uri: Annotated[str | None, Field(max_length=2000)] = None
    code_verifier: Secret
    jkt: Jkt | None = None
    origin: Origin


@query("identity", "issue_client_token", senders=("gateway",), answer=AccessToken)
class IssueClientToken(Message):
    """Give a confidential client a token of its own (RFC 6749 §4.4).

    Refused with `invalid_client`, `invalid_scope`, `unauthorized_client`.
    """

    client: ClientAuthentication
    scope: Annotated[str | None, Field(max_length=500)] = None
    jkt: Jkt | None = None
    origin: Origin


@query("identity", "revoke_token", senders=("gateway",), answer=Done)
class RevokeToken(Message):
    """End the session of a token, whichever of its tokens it is (RFC 7009).

    Refused with `invalid_client`, `unauthorized_client`, `unsupported_token_type`.
    """

    client: ClientAuthentication
    token: AnyToken
    origin: Origin


class Introspection(Message):
    """What a token is now (RFC 7662 §2.2); of one that is not active nothing else is said."""

    active: bool
    scope: str | None = None
    client_id: str | None = None
    username: str | None = None
    token_type: str | None = None
    sub: UUID7 | None = None
    sid: UUID7 | None = None
    exp: int | None = None
    iat: int | None = None
    aud: str | None = None
    iss: str | None = None
    acr: str | None = None
    auth_time: int | None = None
    cnf: Annotated[dict[str, str] | None, Field(description="The key that it is bound to (RFC 9449 §6.2)")] = None


@query("identity", "introspect", senders=("gateway",), answer=Introspection)
class Introspect(Message):
    """Say what a token is now, to a confidential client. Refused with `invalid_client`."""

    client: ClientAuthentication
    token: AnyToken
