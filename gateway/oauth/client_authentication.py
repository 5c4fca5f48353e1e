"""Who a client says it is at the token endpoint: by HTTP Basic, in the form, or by its id alone (RFC 6749 §2.3)."""

import base64
from collections.abc import Mapping
from urllib.parse import unquote_plus

from pydantic import SecretStr, ValidationError
from starlette.requests import Request

from contracts.identity import ClientAuthentication
from gateway.oauth.errors import OAuthError
from gateway.oauth.forms import visible

_NOT_BASIC = "The Authorization header is not that of a client: send `Basic` with id and secret."


def client_of(request: Request, form: Mapping[str, str]) -> ClientAuthentication:
    """Return who the client says it is.

    Raises OAuthError `invalid_client`, and `invalid_request` for who says it in two ways at once.
    """
    authorization = request.headers.get("authorization")
    in_form = form.get("client_id"), form.get("client_secret")
    if authorization is None:
        return _named(*in_form)
    client_id, secret = _of_basic(authorization)
    if in_form[1] is not None or in_form[0] not in {None, client_id}:
        raise OAuthError("invalid_request", "The client authenticates itself in two ways; use one.")
    return _named(client_id, secret)


def _named(client_id: str | None, secret: str | None) -> ClientAuthentication:
    if client_id is None:
        raise OAuthError("invalid_client", "The client does not say who it is: client_id is missing.", 401)
    try:
        return ClientAuthentication(
            client_id=visible("client_id", client_id), client_secret=SecretStr(secret) if secret else None
        )
    except ValidationError:
        raise OAuthError("invalid_client", "There is no such client, or its secret is another one.", 401) from None


def _of_basic(authorization: str) -> tuple[str, str]:
    """Return id and secret of an Authorization header; each is form-encoded inside (RFC 6749 §2.3.1)."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise OAuthError("invalid_client", _NOT_BASIC, 401)
    try:
        client_id, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
        if not colon:
            raise OAuthError("invalid_client", _NOT_BASIC, 401)
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:  # of base64, or of a text that is none
        raise OAuthError("invalid_client", _NOT_BASIC, 401) from None
