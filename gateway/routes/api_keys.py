"""API keys: how a merchant's own servers act for the merchant, without anybody logging in."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field, StrictInt
from starlette.responses import Response

from contracts.identity import (
    ApiKeys,
    CreateApiKey,
    Line,
    ListApiKeys,
    NewApiKey,
    RevokeApiKey,
    RotateApiKey,
    Scope,
)
from gateway.accounts import is_ours
from gateway.bodies import Body, BodyRoute, Instant
from gateway.dependencies import ContextDep, MerchantCaller, PartsDep
from gateway.openapi import problems, success
from gateway.origins import origin_of
from gateway.outcomes import CREATED, DONE, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.request_context import Caller
from gateway.routes.users import UNCERTAIN
from gateway.step_up import STEP_UP, Fresh

PREFIX = "/v1/api_keys"
SCOPE = "merchant"
router = APIRouter(route_class=BodyRoute, prefix=PREFIX, tags=["API keys"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-7c30-7d51-8e77-bd3a8f419c31",
    "name": "The shop's server",
    "prefix": "llk_Zx3VbN9q",
    "scopes": ["wallets", "payments"],
    "created_at": "2026-01-05T09:50:00.000000Z",
    "expires_at": "2027-01-05T00:00:00Z",
}
NEW_EXAMPLE: dict[str, Any] = {"key": EXAMPLE, "secret": "llk_Zx3VbN9qEXAMPLE-not-a-key"}
LOCATION = f"{PREFIX}/{EXAMPLE['id']}"
_UNKNOWN = {"api_key_not_found": "You have no API key with this id; GET /v1/api_keys lists yours."}
_TOO_MANY = {"too_many_keys": "An owner has at most 100 keys; revoke one first."}
_NOT_GRANTED = "A key cannot do more than the access token that makes it."
_CREATE_REFUSALS = {"scope_not_granted": _NOT_GRANTED, "expiry_in_past": "The key would have expired already."}
_REVOKED = 204


class NewKey(Body):
    """What a key is for, what it allows, and until when it holds."""

    name: Annotated[Line, Field(examples=[EXAMPLE["name"]])]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope), examples=[EXAMPLE["scopes"]])]
    expires_at: Annotated[Instant | None, Field(examples=[EXAMPLE["expires_at"]])] = None


class KeyRotation(Body):
    """For how long the old key holds, too."""

    overlap_hours: Annotated[StrictInt, Field(ge=0, le=168, examples=[24])] = 24


ONE_DAY = KeyRotation()


@router.post(
    "",
    response_model=None,
    status_code=CREATED,
    summary="Make an API key",
    responses={
        CREATED: success(NewApiKey, "Keep the `secret`: it is shown once", NEW_EXAMPLE),
        **problems(
            STEP_UP | _CREATE_REFUSALS | _TOO_MANY | UNCERTAIN,
            asks="identity",
            scope=SCOPE,
            wrong_body=("body/scopes", "List should have at least 1 item after validation, not 0"),
        ),
    },
)
async def create_api_key(
    body: NewKey, caller: MerchantCaller, _fresh: Fresh, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Make a key that your servers send as `Authorization: Bearer <secret>`; it allows `scopes` and nothing else."""
    _check_granted(caller, body.scopes)
    query = CreateApiKey.model_construct(owner=caller.user, **dict(body), origin=origin_of(request))
    return json_response(await parts.queries.ask_to_change(query, context), CREATED)


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List your API keys",
    responses={
        DONE: success(ApiKeys, "Keys that hold, newest first", {"keys": [EXAMPLE]}),
        **problems(asks="identity", scope=SCOPE),
    },
)
async def list_api_keys(caller: MerchantCaller, parts: PartsDep, context: ContextDep) -> Response:
    """List your keys; `prefix` tells which is which, secrets are not shown again."""
    return json_response(await parts.queries.ask(ListApiKeys.model_construct(owner=caller.user), context))


@router.post(
    "/{api_key_id}/rotate",
    response_model=None,
    status_code=CREATED,
    summary="Rotate an API key",
    responses={
        CREATED: success(NewApiKey, "Keep the new `secret`: it is shown once", NEW_EXAMPLE),
        **problems(
            STEP_UP | _UNKNOWN | _TOO_MANY | UNCERTAIN,
            asks="identity",
            scope=SCOPE,
            wrong_body=("body/overlap_hours", "Input should be less than or equal to 168"),
        ),
    },
)
async def rotate_api_key(
    api_key_id: UUID,
    caller: MerchantCaller,
    _fresh: Fresh,
    parts: PartsDep,
    context: ContextDep,
    request: Request,
    body: KeyRotation = ONE_DAY,
) -> Response:
    """Make a key like this one, which holds for `overlap_hours` more: so your servers can change over one by one."""
    _check_id(api_key_id)
    query = RotateApiKey.model_construct(
        owner=caller.user, key=api_key_id, overlap_hours=body.overlap_hours, origin=origin_of(request)
    )
    return json_response(await parts.queries.ask_to_change(query, context), CREATED)


@router.delete(
    "/{api_key_id}",
    response_model=None,
    status_code=_REVOKED,
    summary="Revoke an API key",
    responses={
        _REVOKED: {"description": "Revoked"},
        **problems(_UNKNOWN | UNCERTAIN, asks="identity", scope=SCOPE),
    },
)
async def revoke_api_key(
    api_key_id: UUID, caller: MerchantCaller, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """End a key at once, at every gateway."""
    _check_id(api_key_id)
    query = RevokeApiKey.model_construct(owner=caller.user, key=api_key_id, origin=origin_of(request))
    await parts.queries.ask_to_change(query, context)
    return Response(status_code=_REVOKED)


def _check_granted(caller: Caller, scopes: list[Scope]) -> None:
    """Refuse scopes that the caller's token lacks, though its owner may: a client with few must not make itself more.

    Raises ProblemError `scope_not_granted`.
    """
    if not caller.scopes.issuperset(scopes):
        raise ProblemError("scope_not_granted", _NOT_GRANTED, parameter="scopes")


def _check_id(api_key_id: UUID) -> None:
    if not is_ours(api_key_id):
        raise ProblemError("api_key_not_found", _UNKNOWN["api_key_not_found"], parameter="api_key_id")
