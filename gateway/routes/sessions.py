"""POST /v1/sessions: log in."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import EmailStr, Field
from starlette.responses import Response

from contracts.identity import AccessToken, Login, OneTimeCode
from gateway.bodies import Body, BodyRoute, Password
from gateway.dependencies import ContextDep, PartsDep, ProofDep
from gateway.openapi import problems, success
from gateway.origins import origin_of
from gateway.outcomes import CREATED, json_response

router = APIRouter(route_class=BodyRoute, tags=["users and sessions"])

EXAMPLE: dict[str, Any] = {
    "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzY29wZSI6IndhbGxldHMgcGF5bWVudHMifQ.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in": 900,
    "scope": "profile wallets payments",
    "refresh_token": "llr_AZkPPl0QelKxxC9djn",
    "session_id": "01990f3e-6a10-7d31-8c55-9b1e6d2f7a10",
    "device_token": "lld_n4bQgYhMfWWaL-qgxVrQ",
}
_REFUSALS = {
    "invalid_credentials": "E-mail address or password is wrong.",
    "second_factor_required": "Send the present code of the authenticator app as well.",
    "too_many_attempts": "There were too many wrong attempts; try again in 4 seconds.",
    "overloaded": "Too many people log in at this moment; try again in a few seconds.",
}
_MOST_SECRET = 512


class NewSession(Body):
    """Who logs in. `device_token` is what an earlier login gave: with it nobody else's mistakes keep you waiting."""

    email: Annotated[EmailStr, Field(max_length=254, examples=["ann@ledgerlink.example"])]
    password: Annotated[Password, Field(min_length=1, max_length=128, examples=["correct horse battery staple"])]
    otp: Annotated[OneTimeCode | None, Field(examples=["081804"])] = None
    recovery_code: Annotated[Password | None, Field(min_length=1, max_length=64, examples=["k7qf-2mxd-9rtw"])] = None
    device_token: Annotated[
        Password | None, Field(min_length=1, max_length=_MOST_SECRET, examples=[EXAMPLE["device_token"]])
    ] = None


@router.post(
    "/v1/sessions",
    status_code=CREATED,
    response_model=None,
    summary="Log in",
    responses={
        CREATED: success(AccessToken, "An access token, to be sent as `Authorization: Bearer <token>`", EXAMPLE),
        **problems(_REFUSALS, asks="identity", wrong_body=("body/password", "Field required")),
    },
)
async def log_in(body: NewSession, parts: PartsDep, context: ContextDep, proof: ProofDep, request: Request) -> Response:
    """Exchange e-mail and password for an access token (RFC 6749 §5.1), which holds for fifteen minutes.

    `POST /oauth/token` exchanges the refresh token for the next pair. An account with a second factor is asked for it
    (401 `second_factor_required`) once the password was right: send the same again with `otp` or `recovery_code`.
    """
    asked = Login.model_construct(
        email=body.email,
        password=body.password,
        otp=body.otp,
        recovery_code=body.recovery_code,
        device_token=body.device_token,
        jkt=proof,
        origin=origin_of(request),
    )
    return json_response(await parts.queries.ask(asked, context, parts.settings.login_seconds), CREATED)
