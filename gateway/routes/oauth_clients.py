"""OAuth clients: apps of yours that act for users who agree, or for themselves."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from contracts.identity import (
    MOST_REDIRECT_URIS,
    CreateClient,
    DeleteClient,
    GrantType,
    Line,
    ListClients,
    NewOAuthClient,
    OAuthClients,
    RotateClientSecret,
    Scope,
)
from gateway.accounts import is_ours
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import ContextDep, MerchantCaller, PartsDep
from gateway.openapi import problems, success
from gateway.origins import origin_of
from gateway.outcomes import CREATED, DONE, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes.users import UNCERTAIN
from gateway.step_up import STEP_UP, Fresh

PREFIX = "/v1/oauth_clients"
SCOPE = "merchant"
router = APIRouter(route_class=BodyRoute, prefix=PREFIX, tags=["oauth"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-d000-7abb-8dcc-cfd0e1b25501",
    "name": "The shop's app",
    "confidential": True,
    "redirect_uris": ["https://shop.example/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "scopes": ["wallets", "payments"],
    "created_at": "2026-01-05T09:55:00.000000Z",
}
NEW_EXAMPLE: dict[str, Any] = {"client": EXAMPLE, "client_secret": "lls_9tV1mUq0EXAMPLE-not-a-secret"}
_UNKNOWN = {"client_not_found": "There is no such client of yours."}
_IMPOSSIBLE = {
    "redirect_uri_not_valid": "It must be https, or http at 127.0.0.1 or [::1].",
    "client_not_possible": "A client without a secret cannot act for itself.",
}
_NO_SECRET = {"client_not_possible": "A public client has no secret."}
_TOO_MANY = {"too_many_clients": "An owner has at most 50 clients; delete one first."}
_DELETED = 204
RedirectUri = Annotated[str, Field(min_length=1, max_length=500)]


class NewClient(Body):
    """What an app is called, how it gets tokens, and for what at most.

    An app that runs where others can look into it, in a browser or on a phone, is not `confidential`: it has no secret.
    """

    name: Annotated[Line, Field(examples=[EXAMPLE["name"]])]
    confidential: Annotated[bool, Field(strict=True, examples=[True])]
    redirect_uris: Annotated[
        list[RedirectUri],
        Field(
            max_length=MOST_REDIRECT_URIS,
            description="Compared character by character; the port of a public client's http://127.0.0.1 is free",
            default_factory=list,
            examples=[EXAMPLE["redirect_uris"]],
        ),
    ]
    grant_types: Annotated[list[GrantType], Field(min_length=1, max_length=3, examples=[EXAMPLE["grant_types"]])]
    scopes: Annotated[
        list[Scope],
        Field(
            min_length=1,
            max_length=len(Scope),
            description="`wallets` and `payments`: no app of others gets more",
            examples=[EXAMPLE["scopes"]],
        ),
    ]


@router.post(
    "",
    response_model=None,
    status_code=CREATED,
    summary="Register an OAuth client",
    responses={
        CREATED: success(NewOAuthClient, "Keep the `client_secret`: it is shown once", NEW_EXAMPLE),
        **problems(
            {**STEP_UP, **_IMPOSSIBLE, **_TOO_MANY, **UNCERTAIN},
            asks="identity",
            scope=SCOPE,
            wrong_body=("body/scopes", "List should have at least 1 item after validation, not 0"),
        ),
    },
)
async def create_client(
    body: NewClient, caller: MerchantCaller, _fresh: Fresh, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Register an app. Its `id` is its `client_id`; a confidential one gets a secret to prove who it is."""
    query = CreateClient.model_construct(owner=caller.user, **dict(body), origin=origin_of(request))
    return json_response(await parts.queries.ask_to_change(query, context), CREATED)


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List your OAuth clients",
    responses={
        DONE: success(OAuthClients, "Your clients, newest first", {"clients": [EXAMPLE]}),
        **problems(asks="identity", scope=SCOPE),
    },
)
async def list_clients(caller: MerchantCaller, parts: PartsDep, context: ContextDep) -> Response:
    """List your clients; secrets are not shown again."""
    return json_response(await parts.queries.ask(ListClients.model_construct(owner=caller.user), context))


@router.post(
    "/{client_id}/rotate_secret",
    response_model=None,
    summary="Give a client another secret",
    responses={
        DONE: success(NewOAuthClient, "Keep the new `client_secret`: it is shown once", NEW_EXAMPLE),
        **problems({**STEP_UP, **_UNKNOWN, **_NO_SECRET, **UNCERTAIN}, asks="identity", scope=SCOPE),
    },
)
async def rotate_client_secret(
    client_id: UUID, caller: MerchantCaller, _fresh: Fresh, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Give a client another secret; the old one holds no longer. Tokens that it has stay as they are."""
    _check_id(client_id)
    query = RotateClientSecret.model_construct(owner=caller.user, client=client_id, origin=origin_of(request))
    return json_response(await parts.queries.ask_to_change(query, context))


@router.delete(
    "/{client_id}",
    response_model=None,
    status_code=_DELETED,
    summary="Delete an OAuth client",
    responses={
        _DELETED: {"description": "Deleted"},
        **problems(_UNKNOWN | UNCERTAIN, asks="identity", scope=SCOPE),
    },
)
async def delete_client(
    client_id: UUID, caller: MerchantCaller, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Delete a client at once; all sessions that users gave it end, and so do its own tokens."""
    _check_id(client_id)
    query = DeleteClient.model_construct(owner=caller.user, client=client_id, origin=origin_of(request))
    await parts.queries.ask_to_change(query, context)
    return Response(status_code=_DELETED)


def _check_id(client_id: UUID) -> None:
    """Raise ProblemError `client_not_found` for an id that no client can have."""
    if not is_ours(client_id):
        raise ProblemError("client_not_found", _UNKNOWN["client_not_found"], parameter="client_id")
