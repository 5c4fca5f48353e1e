"""What the OpenAPI document says of the endpoints whose forms and errors are the standard's own, not ours."""

from typing import Any

from contracts.identity import GrantType
from gateway.oauth.errors import OAuthError
from gateway.oauth.forms import MEDIA_TYPE
from gateway.openapi import problems

_CLIENT: dict[str, Any] = {
    "client_id": {
        "type": "string",
        "description": "The client; needless with HTTP Basic. `ledgerlink` for logins at this API",
    },
    "client_secret": {"type": "string", "description": "Its secret, where it has one and does not use HTTP Basic"},
}
_TOKEN: dict[str, Any] = {
    "token": {"type": "string", "maxLength": 4096, "description": "An access token or a refresh token"},
    "token_type_hint": {"type": "string", "description": "Which kind it is; not needed"},
}
_FORMS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "token": (
        {
            "grant_type": {"type": "string", "enum": list(GrantType)},
            **_CLIENT,
            "code": {"type": "string", "description": "`authorization_code`: what the redirect URI was told"},
            "code_verifier": {
                "type": "string",
                "pattern": "^[A-Za-z0-9._~-]{43,128}$",
                "description": "`authorization_code`: what its code_challenge was made of (RFC 7636)",
            },
            "redirect_uri": {"type": "string", "description": "`authorization_code`: compared where it is sent"},
            "refresh_token": {"type": "string", "description": "`refresh_token`: the present one; it is replaced"},
            "scope": {"type": "string", "description": "Fewer scopes than there could be, separated by spaces"},
        },
        ["grant_type"],
    ),
    "revoke": (_TOKEN | _CLIENT, ["token"]),
    "introspect": (_TOKEN | _CLIENT, ["token"]),
}
_EXAMPLES: dict[str, dict[str, str]] = {
    "token": {"grant_type": "refresh_token", "client_id": "ledgerlink", "refresh_token": "llr_AZkPPl0QelKx"},
    "revoke": {"token": "llr_AZkPPl0QelKx", "client_id": "ledgerlink"},
    "introspect": {
        "token": "llr_AZkPPl0QelKx",
        "client_id": "01990f3e-d000-7abb-8dcc-cfd0e1b25501",
        "client_secret": "lls_9tV1mUq0",
    },
}
_INVALID_REQUEST = OAuthError("invalid_request", "A parameter is given more than once; give it once.")
_INVALID_CLIENT = OAuthError("invalid_client", "There is no such client, or its secret is another one.", 401)
_TOO_LARGE = OAuthError("invalid_request", "A body may have at most 65536 bytes.", 413)
_TOO_SLOW = OAuthError("invalid_request", "The body did not arrive in time; send it at once.", 408)
_UNAVAILABLE = OAuthError(
    "temporarily_unavailable", "The identity service does not answer now; send the request again in a moment.", 503
)
_TOO_OFTEN = OAuthError("temporarily_unavailable", "The session is refreshed too often; wait some seconds.", 429)
_EVERYWHERE = (_INVALID_REQUEST, _INVALID_CLIENT, _TOO_SLOW, _TOO_LARGE, _UNAVAILABLE)
_ERRORS: dict[str, tuple[OAuthError, ...]] = {
    "token": (
        *_EVERYWHERE,
        OAuthError("invalid_grant", "The refresh token is not valid, or not any more; log in again."),
        OAuthError("invalid_scope", "The session allows less than that."),
        OAuthError("unauthorized_client", "The client is not registered for the grant `client_credentials`."),
        OAuthError("unsupported_grant_type", f"There are {', '.join(GrantType)}."),
        OAuthError("invalid_dpop_proof", "The DPoP proof is not valid. It was used already; make a new one."),
        _TOO_OFTEN,
    ),
    "revoke": (
        *_EVERYWHERE,
        OAuthError("unauthorized_client", "The token was issued to another client."),
        OAuthError(
            "unsupported_token_type",
            "A client's own access token is of no session; it ends with its time, or with the client.",
        ),
    ),
    "introspect": _EVERYWHERE,
}
ERROR_SCHEMA: dict[str, Any] = {
    "title": "OAuthError",
    "description": "An error of RFC 6749 §5.2",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string", "enum": sorted({error.code for errors in _ERRORS.values() for error in errors})},
        "error_description": {"type": "string"},
    },
}
REVOKED: dict[str, Any] = {"description": "It does not hold, whatever it was"}


def form(endpoint: str) -> dict[str, Any]:
    """Return the `openapi_extra` of an endpoint: its form. No access token is asked for: clients say who they are."""
    properties, needed = _FORMS[endpoint]
    schema = {"type": "object", "properties": properties, "required": needed}
    content = {MEDIA_TYPE: {"schema": schema, "example": _EXAMPLES[endpoint]}}
    return {"requestBody": {"required": True, "content": content}}


def errors(endpoint: str) -> dict[int | str, dict[str, Any]]:
    """Return the errors of an endpoint, an entry per status; what comes before it is answered as everywhere."""
    answers: dict[int | str, dict[str, Any]] = problems()
    for error in _ERRORS[endpoint]:
        answer = answers.setdefault(error.status, {"description": "An error of RFC 6749 §5.2", "content": {}})
        content = answer["content"].setdefault("application/json", {"schema": ERROR_SCHEMA, "examples": {}})
        content["examples"][error.code] = {"summary": error.code, "value": error.document()}
    return answers
