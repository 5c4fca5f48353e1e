"""POST /v1/sessions: log in."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import EmailStr, Field
from starlette.responses import Response

from contracts.identity import AccessToken, Login
from gateway.bodies import Body, BodyRoute, Password
from gateway.dependencies import ContextDep, PartsDep
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, json_response

router = APIRouter(route_class=BodyRoute, tags=["users and sessions"])

EXAMPLE = {
    "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzY29wZSI6IndhbGxldHMgcGF5bWVudHMifQ.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in": 900,
    "scope": "wallets payments",
}
_WRONG = {"invalid_credentials": "E-mail address or password is wrong."}


class NewSession(Body):
    """Who logs in."""

    email: Annotated[EmailStr, Field(max_length=254, examples=["ann@ledgerlink.example"])]
    password: Annotated[Password, Field(min_length=1, max_length=128, examples=["correct horse battery staple"])]


@router.post(
    "/v1/sessions",
    status_code=CREATED,
    response_model=None,
    summary="Log in",
    responses={
        CREATED: success(AccessToken, "An access token, to be sent as `Authorization: Bearer <token>`", EXAMPLE),
        **problems(_WRONG, asks="identity", wrong_body=("body/password", "Field required")),
    },
)
async def log_in(body: NewSession, parts: PartsDep, context: ContextDep) -> Response:
    """Exchange e-mail and password for an access token (RFC 6749 §5.1), which holds for fifteen minutes."""
    request = Login.model_construct(email=body.email, password=body.password)
    return json_response(await parts.queries.ask(request, context, parts.settings.login_seconds), CREATED)
