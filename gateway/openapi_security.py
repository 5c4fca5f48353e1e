"""Who may ask, in the OpenAPI document: the ways to authenticate, and the scopes that each operation asks for."""

from typing import Any

from contracts.identity.roles import MEANINGS

USER, KEY, OAUTH = "accessToken", "apiKey", "oauth2"
AUTHORIZE, TOKEN = "/oauth/authorize", "/oauth/token"
_SCOPES = {str(scope): meaning for scope, meaning in MEANINGS.items()}
_SCHEMES: dict[str, Any] = {
    USER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token (RFC 9068): the `access_token` that `POST /v1/sessions` or `/oauth/token` "
        "answers. One that is bound to a key (`token_type: DPoP`, RFC 9449) is sent as `Authorization: DPoP <token>`, "
        "with a proof in the `DPoP` header of each request.",
    },
    KEY: {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key of a merchant's (`llk_...`), which allows the scopes that it was made for.",
    },
    OAUTH: {
        "type": "oauth2",
        "description": "OAuth 2.1 for programs of others: with a user's consent (authorization code, PKCE with S256 "
        "only), or for themselves. `/.well-known/oauth-authorization-server` describes the server (RFC 8414).",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": AUTHORIZE,
                "tokenUrl": TOKEN,
                "refreshUrl": TOKEN,
                "scopes": _SCOPES,
            },
            "clientCredentials": {"tokenUrl": TOKEN, "scopes": _SCOPES},
        },
    },
}
STEP_UP = "insufficient_user_authentication"


def add_security(document: dict[str, Any]) -> None:
    """Add the schemes, and to each operation every way in: its scopes are the same under each.

    Where somebody must have authenticated lately (RFC 9470) a key does not do, as nobody has who uses one.
    """
    document["components"]["securitySchemes"] = _SCHEMES
    for path in document["paths"].values():
        for operation in path.values():
            if asked := operation.get("security"):
                scopes = sorted({scope for one in asked for names in one.values() for scope in names})
                ways = (USER, OAUTH) if _demands_a_person(operation) else (USER, KEY, OAUTH)
                operation["security"] = [{way: scopes} for way in ways]


def _demands_a_person(operation: dict[str, Any]) -> bool:
    answer = operation["responses"].get("401", {})
    return any(STEP_UP in form.get("examples", {}) for form in answer.get("content", {}).values())
