"""What clients and resource servers find out by themselves: RFC 8414, RFC 7517, RFC 9728. Open to anybody."""

from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.responses import Response

from contracts.identity import Acr, GrantType, Scope
from gateway.challenges import ALGORITHMS
from gateway.dependencies import PartsDep
from gateway.oauth.pages import AUTHORIZE
from gateway.openapi import problems
from gateway.outcomes import DONE, json_response
from gateway.problems import ProblemError
from gateway.settings import GatewaySettings

router = APIRouter(tags=["oauth"])

SERVER = "/.well-known/oauth-authorization-server"
RESOURCE = "/.well-known/oauth-protected-resource"
JWKS = "/.well-known/jwks.json"
TOKEN, REVOKE, INTROSPECT = "/oauth/token", "/oauth/revoke", "/oauth/introspect"
_WITH_SECRET = ["client_secret_basic", "client_secret_post"]
_FOR_AN_HOUR = {"Cache-Control": "public, max-age=3600"}
_FOR_A_MINUTE = {"Cache-Control": "public, max-age=60"}
"""A key is published well before it signs, but not an hour before."""


def server_metadata(settings: GatewaySettings) -> dict[str, Any]:
    """Return what RFC 8414 §2 says of an authorization server."""
    at = settings.public_url
    return {
        "issuer": settings.token_issuer,
        "authorization_endpoint": at + AUTHORIZE,
        "token_endpoint": at + TOKEN,
        "jwks_uri": at + JWKS,
        "scopes_supported": list(Scope),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GrantType),
        "token_endpoint_auth_methods_supported": [*_WITH_SECRET, "none"],
        "service_documentation": at + "/docs",
        "revocation_endpoint": at + REVOKE,
        "revocation_endpoint_auth_methods_supported": [*_WITH_SECRET, "none"],
        "introspection_endpoint": at + INTROSPECT,
        "introspection_endpoint_auth_methods_supported": _WITH_SECRET,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "acr_values_supported": list(Acr),
    }


def resource_metadata(settings: GatewaySettings) -> dict[str, Any]:
    """Return what RFC 9728 §2 says of a protected resource: this API."""
    return {
        "resource": settings.public_url,
        "authorization_servers": [settings.token_issuer],
        "scopes_supported": list(Scope),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "resource_documentation": settings.public_url + "/docs",
    }


_EXAMPLE_URL = "https://api.ledgerlink.example"
_EXAMPLE_SETTINGS = GatewaySettings.model_construct(public_url=_EXAMPLE_URL, token_issuer=_EXAMPLE_URL)
_NO_KEYS = "The keys are not known here yet; send the request again in a moment."
KEY_EXAMPLE = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    "use": "sig",
    "alg": "EdDSA",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}


def _document(title: str, description: str, example: Any) -> dict[str, Any]:
    schema = {"title": title, "type": "object"}
    return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}}


@router.get(
    SERVER,
    response_model=None,
    summary="Discover the authorization server",
    responses={
        DONE: _document("ServerMetadata", "Endpoints and abilities (RFC 8414)", server_metadata(_EXAMPLE_SETTINGS)),
        **problems(),
    },
)
async def discover_server(parts: PartsDep) -> Response:
    """Tell clients all that they need to know besides their own id: the document of RFC 8414."""
    return json_response(server_metadata(parts.settings), DONE, _FOR_AN_HOUR)


@router.get(SERVER + "/{path:path}", response_model=None, include_in_schema=False)
async def discover_server_by_issuer(path: str, parts: PartsDep) -> Response:
    """Tell the same where an issuer that has a path is looked for (RFC 8414 §3.1)."""
    if f"/{path}" != urlsplit(parts.settings.token_issuer).path:
        raise ProblemError("not_found", "The issuer has another path.")
    return await discover_server(parts)


@router.get(
    RESOURCE,
    response_model=None,
    summary="Discover who gives access to this API",
    responses={
        DONE: _document("ResourceMetadata", "Who issues tokens (RFC 9728)", resource_metadata(_EXAMPLE_SETTINGS)),
        **problems(),
    },
)
async def discover_resource(parts: PartsDep) -> Response:
    """Tell clients whose tokens are accepted here, and how: the document of RFC 9728."""
    return json_response(resource_metadata(parts.settings), DONE, _FOR_AN_HOUR)


@router.get(
    JWKS,
    response_model=None,
    summary="Read the keys that sign access tokens",
    responses={
        DONE: _document("JsonWebKeySet", "Public keys, as a JWK set (RFC 7517)", {"keys": [KEY_EXAMPLE]}),
        **problems({"unavailable": _NO_KEYS}),
    },
)
async def read_signing_keys(parts: PartsDep) -> Response:
    """Read the public keys that verify access tokens: those that sign, did so a while ago, or will soon."""
    if not parts.keys.are_known:
        raise ProblemError("unavailable", _NO_KEYS)
    return json_response({"keys": parts.keys.published}, DONE, _FOR_A_MINUTE)
