"""POST /oauth/token, /oauth/revoke and /oauth/introspect: for programs, in the words of RFC 6749, 7009 and 7662."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import SecretStr, ValidationError
from starlette.responses import Response

from contracts.identity import (
    AccessToken,
    ClientAuthentication,
    GrantType,
    Introspect,
    Introspection,
    IssueClientToken,
    RedeemCode,
    Refresh,
    RevokeToken,
)
from contracts.message import Message
from gateway.dependencies import ContextDep, PartsDep
from gateway.oauth import documentation
from gateway.oauth.client_authentication import client_of
from gateway.oauth.errors import OAuthError, OAuthRoute
from gateway.oauth.forms import read_form, required, visible
from gateway.openapi import success
from gateway.origins import origin_of
from gateway.outcomes import DONE, json_response
from gateway.routes.oauth_metadata import INTROSPECT, REVOKE, TOKEN

router = APIRouter(route_class=OAuthRoute, tags=["oauth"])

EXAMPLE = {
    "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzY29wZSI6IndhbGxldHMgcGF5bWVudHMifQ.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in": 900,
    "scope": "wallets payments",
    "refresh_token": "llr_AZkPPl0QelKxxC9djnyaAQAAAAAAAAABq1Jd3mV0yC9nX2kQ7uO8rLw5tZfHs4eBpGxNaYiTcKE",
    "session_id": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a01",
}
INTROSPECTION_EXAMPLE = {
    "active": True,
    "scope": "wallets payments",
    "client_id": "01990f3e-d000-7abb-8dcc-cfd0e1b25501",
    "token_type": "Bearer",
    "sub": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a01",
    "sid": "01990f3e-6f2a-7c3e-9d5b-0b8c6f1e2a10",
    "exp": 1767606600,
    "iat": 1767605700,
    "aud": "https://api.ledgerlink.example",
    "iss": "https://api.ledgerlink.example",
    "acr": "aal1",
    "auth_time": 1767605700,
}
Form = Mapping[str, str]
Q = TypeVar("Q", bound=Message)


@router.post(
    TOKEN,
    response_model=None,
    summary="Get tokens",
    responses={DONE: success(AccessToken, "Tokens (RFC 6749 §5.1)", EXAMPLE), **documentation.errors("token")},
    openapi_extra=documentation.form("token"),
)
async def get_tokens(request: Request, parts: PartsDep, context: ContextDep) -> Response:
    """Exchange a code or a refresh token for tokens, or get one for the client itself.

    With a `DPoP` header the tokens are bound to its key (RFC 9449 §5).
    """
    form = await read_form(request)
    grant = _GRANTS.get(required(form, "grant_type"))
    if grant is None:
        raise OAuthError("unsupported_grant_type", f"There are {', '.join(GrantType)}.")
    client = client_of(request, form)
    jkt = None if context.proofs is None else await parts.proofs.check(context.proofs)
    return json_response(await parts.queries.ask(grant(request, form, client, jkt), context))


@router.post(
    REVOKE,
    response_model=None,
    response_class=Response,
    summary="Revoke a token",
    responses={DONE: documentation.REVOKED, **documentation.errors("revoke")},
    openapi_extra=documentation.form("revoke"),
)
async def revoke(request: Request, parts: PartsDep, context: ContextDep) -> Response:
    """End the session that a token is of, and with it all its tokens; so a user logs out of an app (RFC 7009).

    What is no token, or not any more, is answered likewise.
    """
    form = await read_form(request)
    query = _query(RevokeToken, client=client_of(request, form), token=_token(form), origin=origin_of(request))
    await parts.queries.ask(query, context)
    return Response(status_code=DONE)


@router.post(
    INTROSPECT,
    response_model=None,
    summary="Ask what a token is",
    responses={
        DONE: success(Introspection, "What it is now (RFC 7662 §2.2)", INTROSPECTION_EXAMPLE),
        **documentation.errors("introspect"),
    },
    openapi_extra=documentation.form("introspect"),
)
async def introspect(request: Request, parts: PartsDep, context: ContextDep) -> Response:
    """Tell a client with a secret what one of its own tokens is at this moment; any other is not active (RFC 7662)."""
    form = await read_form(request)
    query = _query(Introspect, client=client_of(request, form), token=_token(form))
    return json_response(await parts.queries.ask(query, context))


def _of_code(request: Request, form: Form, client: ClientAuthentication, jkt: str | None) -> Message:
    return _query(
        RedeemCode,
        client=client,
        code=_secret(form, "code"),
        redirect_uri=form.get("redirect_uri"),
        code_verifier=_secret(form, "code_verifier"),
        jkt=jkt,
        origin=origin_of(request),
    )


def _of_refresh_token(request: Request, form: Form, client: ClientAuthentication, jkt: str | None) -> Message:
    return _query(
        Refresh,
        client_id=client.client_id,
        client_secret=client.client_secret,
        refresh_token=_secret(form, "refresh_token"),
        scope=_scope(form),
        jkt=jkt,
        origin=origin_of(request),
    )


def _of_client(request: Request, form: Form, client: ClientAuthentication, jkt: str | None) -> Message:
    return _query(IssueClientToken, client=client, scope=_scope(form), jkt=jkt, origin=origin_of(request))


_GRANTS: Mapping[str, Callable[[Request, Form, ClientAuthentication, str | None], Message]] = {
    GrantType.AUTHORIZATION_CODE.value: _of_code,
    GrantType.REFRESH_TOKEN.value: _of_refresh_token,
    GrantType.CLIENT_CREDENTIALS.value: _of_client,
}


def _query(kind: type[Q], **given: Any) -> Q:
    """Return a question to identity. Raises OAuthError when a parameter cannot be one."""
    try:
        return kind(**given)
    except ValidationError as wrong:
        names = ", ".join(sorted({str(error["loc"][0]) for error in wrong.errors(include_input=False)}))
        raise OAuthError("invalid_request", f"These cannot be so: {names}.") from None


def _secret(form: Form, name: str) -> SecretStr:
    return SecretStr(required(form, name))


def _scope(form: Form) -> str | None:
    return visible("scope", form["scope"]) if "scope" in form else None


def _token(form: Form) -> SecretStr:
    return SecretStr(required(form, "token"))
