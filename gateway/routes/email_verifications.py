"""E-mail addresses: proving that one's address is one's own."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from contracts.identity import Scope, SendVerification, User, VerifyEmail
from gateway.bodies import Body, BodyRoute, Password
from gateway.dependencies import ContextDep, PartsDep, ProfileCaller
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.routes.passwords import TOKEN_NOT_VALID
from gateway.routes.users import EXAMPLE, GONE, UNCERTAIN

router = APIRouter(route_class=BodyRoute, tags=["users and sessions"])

_PROVEN = {"email_verified_already": "The e-mail address has been proven already."}
_NO_TOKEN = ("body/token", "Field required")
_MOST_TOKEN = 512


class EmailProof(Body):
    """The token that was sent to the address."""

    token: Annotated[Password, Field(min_length=1, max_length=_MOST_TOKEN, examples=["llv_n4bQgYhMfWWaL-qgxVrQ"])]


@router.post(
    "/v1/users/me/verification",
    response_model=None,
    status_code=GONE,
    summary="Have another verification sent",
    responses={GONE: {"description": "Sent"}, **problems(_PROVEN, asks="identity", scope=Scope.PROFILE)},
)
async def send_verification(caller: ProfileCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Have another token sent to your address, at most one a minute."""
    await parts.queries.ask(SendVerification.model_construct(user=caller.user), context)
    return Response(status_code=GONE)


@router.post(
    "/v1/email_verifications",
    response_model=None,
    summary="Prove an e-mail address",
    responses={
        DONE: success(User, "Proven", EXAMPLE | {"email_verified": True}),
        **problems(TOKEN_NOT_VALID | UNCERTAIN, asks="identity", wrong_body=_NO_TOKEN),
    },
)
async def verify_email(body: EmailProof, parts: PartsDep, context: ContextDep) -> Response:
    """Prove that an address is yours, with the token that was sent there; it holds for a day."""
    return json_response(await parts.queries.ask_to_change(VerifyEmail.model_construct(token=body.token), context))
