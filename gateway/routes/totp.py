"""One-time codes of an authenticator app as a second factor (RFC 6238), and the recovery codes that go with them."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from contracts.identity import (
    ConfirmTotp,
    OneTimeCode,
    RecoveryCodes,
    RemoveTotp,
    RenewRecoveryCodes,
    StartTotp,
    TotpSecret,
)
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import ContextDep, PartsDep, ProfileCaller
from gateway.openapi import problems, success
from gateway.origins import origin_of
from gateway.outcomes import CREATED, DONE, json_response
from gateway.routes.users import UNCERTAIN
from gateway.step_up import STEP_UP, Fresh

PREFIX = "/v1/users/me"
SCOPE = "profile"
router = APIRouter(route_class=BodyRoute, prefix=PREFIX, tags=["second factors"])

EXAMPLE: dict[str, Any] = {
    "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    "uri": "otpauth://totp/LedgerLink:ann%40ledgerlink.example"
    "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=LedgerLink",
}
CODES_EXAMPLE: dict[str, Any] = {
    "recovery_codes": ["7KQX-2MPA-HV5T-WJ3D", "NB4C-6RZE-YGQS-UO7L", "and eight more"],
}
_ENABLED = {"totp_enabled": "One-time codes are enabled already; remove them to begin anew."}
_NOT_ENABLED = {"totp_not_enabled": "One-time codes are not enabled."}
_CONFIRM_REFUSALS = {
    "code_not_valid": "The code is not the present one; look at the phone's clock.",
    "totp_not_started": "There is no secret to confirm; make one first.",
    "too_many_attempts": "There were too many wrong attempts; try again in 4 seconds.",
}
_WRONG_CODE = ("body/code", "String should match pattern '^[0-9]{6}$'")
_REMOVED = 204


class TotpConfirmation(Body):
    """What the authenticator app shows now."""

    code: Annotated[OneTimeCode, Field(examples=["081804"])]


@router.post(
    "/totp",
    response_model=None,
    status_code=CREATED,
    summary="Make a secret for an authenticator app",
    responses={
        CREATED: success(TotpSecret, "Show the `uri` as a QR code; it counts once confirmed", EXAMPLE),
        **problems(STEP_UP | _ENABLED | UNCERTAIN, asks="identity", scope=SCOPE),
    },
)
async def start_totp(caller: ProfileCaller, _fresh: Fresh, parts: PartsDep, context: ContextDep) -> Response:
    """Begin to use one-time codes. Made again before it is confirmed, another secret takes the first one's place."""
    query = StartTotp.model_construct(user=caller.user)
    return json_response(await parts.queries.ask_to_change(query, context), CREATED)


@router.post(
    "/totp/confirm",
    response_model=None,
    summary="Enable one-time codes",
    responses={
        DONE: success(RecoveryCodes, "Keep the ten codes: they are shown once", CODES_EXAMPLE),
        **problems(_CONFIRM_REFUSALS | _ENABLED | UNCERTAIN, asks="identity", scope=SCOPE, wrong_body=_WRONG_CODE),
    },
)
async def confirm_totp(
    body: TotpConfirmation, caller: ProfileCaller, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Enable one-time codes with one of them. From then on logging in takes one, or a recovery code, each used once."""
    query = ConfirmTotp.model_construct(user=caller.user, code=body.code, origin=origin_of(request))
    return json_response(await parts.queries.ask_to_change(query, context))


@router.delete(
    "/totp",
    response_model=None,
    status_code=_REMOVED,
    summary="Remove one-time codes",
    responses={
        _REMOVED: {"description": "Removed"},
        **problems(STEP_UP | _NOT_ENABLED | UNCERTAIN, asks="identity", scope=SCOPE),
    },
)
async def remove_totp(
    caller: ProfileCaller, _fresh: Fresh, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Log in without one-time codes again; the recovery codes end, too."""
    query = RemoveTotp.model_construct(user=caller.user, origin=origin_of(request))
    await parts.queries.ask_to_change(query, context)
    return Response(status_code=_REMOVED)


@router.post(
    "/recovery_codes",
    response_model=None,
    status_code=CREATED,
    summary="Make new recovery codes",
    responses={
        CREATED: success(RecoveryCodes, "Keep the ten codes: they are shown once", CODES_EXAMPLE),
        **problems(STEP_UP | _NOT_ENABLED | UNCERTAIN, asks="identity", scope=SCOPE),
    },
)
async def renew_recovery_codes(
    caller: ProfileCaller, _fresh: Fresh, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Make ten recovery codes in place of all earlier ones."""
    query = RenewRecoveryCodes.model_construct(user=caller.user, origin=origin_of(request))
    return json_response(await parts.queries.ask_to_change(query, context), CREATED)
