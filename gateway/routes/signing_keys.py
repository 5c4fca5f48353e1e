"""The keys that sign access tokens, for admins: see when each signs, and make the next one before its time."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from contracts.identity import ListSigningKeys, RotateSigningKey, SigningKey, SigningKeyList
from gateway.dependencies import ContextDep, KeyManager, PartsDep
from gateway.openapi import problems, success
from gateway.origins import origin_of
from gateway.outcomes import CREATED, DONE, json_response
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes.users import UNCERTAIN
from gateway.step_up import STEP_UP, FreshAdmin

router = APIRouter(prefix="/v1/signing_keys", tags=["signing keys"])

SCOPE = "keys:manage"
EXAMPLE: dict[str, Any] = {
    "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    "created_at": "2026-01-05T09:30:00.000000Z",
    "signs_from": "2026-01-05T09:30:10.000000Z",
}
BEFORE_EXAMPLE: dict[str, Any] = {
    "kid": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
    "created_at": "2025-12-06T09:29:50.000000Z",
    "signs_from": "2025-12-06T09:30:00.000000Z",
    "signs_until": EXAMPLE["signs_from"],
    "checks_until": "2026-01-05T09:48:10.000000Z",
}
_UNDER_WAY = {"rotation_under_way": "The next key signs from 2026-01-05T09:30:10+00:00 on."}


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List the signing keys (admins)",
    responses={
        DONE: success(
            SigningKeyList, "Keys that sign, will sign or check, newest first", {"keys": [EXAMPLE, BEFORE_EXAMPLE]}
        ),
        **problems(asks="identity", scope=SCOPE),
    },
)
async def list_signing_keys(_caller: KeyManager, parts: PartsDep, context: ContextDep) -> Response:
    """List when each key signs access tokens, and until when it checks them."""
    return json_response(await parts.queries.ask(ListSigningKeys(), context))


@router.post(
    "",
    response_model=None,
    status_code=CREATED,
    summary="Rotate the signing key (admins)",
    responses={
        CREATED: success(SigningKey, "Made, and about to sign", EXAMPLE),
        **problems(STEP_UP | _UNDER_WAY | UNCERTAIN, asks="identity", scope=SCOPE),
    },
)
async def rotate_signing_key(
    caller: KeyManager, _fresh: FreshAdmin, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Make the next key now. It signs some seconds later, when every gateway knows it; tokens of the others hold on."""
    query = RotateSigningKey.model_construct(rotated_by=caller.user, origin=origin_of(request))
    return json_response(await parts.queries.ask_to_change(query, context), CREATED)
