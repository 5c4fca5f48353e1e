"""POST /v1/sessions/step_up: prove again who you are, where a route or a payment asks for that (RFC 9470)."""

from typing import Annotated, Self

from fastapi import APIRouter, Request
from pydantic import Field, model_validator
from starlette.responses import Response

from contracts.identity import AccessToken, OneTimeCode, StepUp
from gateway.bodies import Body, BodyRoute, Password
from gateway.dependencies import ContextDep, PartsDep, ProfileCaller
from gateway.openapi import problems, success
from gateway.origins import origin_of
from gateway.outcomes import DONE, json_response
from gateway.problems import ProblemError
from gateway.routes.passkeys import CHALLENGE_ID, CREDENTIAL_EXAMPLE, PasskeyAnswer
from gateway.routes.sessions import EXAMPLE as TOKEN_EXAMPLE

router = APIRouter(route_class=BodyRoute, tags=["users and sessions"])

EXAMPLE = {name: TOKEN_EXAMPLE[name] for name in ("access_token", "token_type", "expires_in", "scope")} | {
    "session_id": "01990f3e-6a10-7d31-8c55-9b1e6d2f7a10"
}
_NOBODY = "Only a person who has logged in here can; keys and clients of their own do not."
_REFUSALS = {
    "invalid_credentials": "E-mail address or password is wrong.",
    "second_factor_required": "Send the present code of the authenticator app as well.",
    "session_ended": "The session has ended; log in again.",
    "overloaded": "Too many people log in at this moment; try again in a few seconds.",
    "too_many_attempts": "There were too many wrong attempts; try again in 4 seconds.",
    "not_permitted": _NOBODY,
}
_NOTHING = ("body", "Value error, give password, otp or passkey")


class StepUpProof(Body):
    """What proves who you are: a password (with `otp` where one-time codes are enabled), a code, or a passkey."""

    password: Annotated[
        Password | None, Field(min_length=1, max_length=128, examples=["correct horse battery staple"])
    ] = None
    otp: Annotated[OneTimeCode | None, Field(examples=["081804"])] = None
    passkey: Annotated[
        PasskeyAnswer | None, Field(examples=[{"challenge_id": CHALLENGE_ID, "credential": CREDENTIAL_EXAMPLE}])
    ] = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.password is None and self.otp is None and self.passkey is None:
            raise ValueError("give password, otp or passkey")
        return self


@router.post(
    "/v1/sessions/step_up",
    response_model=None,
    summary="Authenticate again",
    responses={
        DONE: success(AccessToken, "Another access token of the same session, which says when you did", EXAMPLE),
        **problems(_REFUSALS, asks="identity", scope="profile", wrong_body=_NOTHING),
    },
)
async def step_up(
    body: StepUpProof, caller: ProfileCaller, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Prove again who you are, as a `401 insufficient_user_authentication` asks; then send that request again.

    Refresh tokens of the session go on, and what they give says so, too.
    """
    if caller.grant is None or caller.authenticated_at is None:
        raise ProblemError("not_permitted", _NOBODY)
    query = StepUp.model_construct(
        user=caller.user,
        session=caller.grant,
        password=body.password,
        otp=body.otp,
        challenge_id=body.passkey.challenge_id if body.passkey else None,
        credential=body.passkey.credential if body.passkey else None,
        origin=origin_of(request),
    )
    return json_response(await parts.queries.ask(query, context, parts.settings.login_seconds))
