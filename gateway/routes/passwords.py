"""Passwords: changing one that is known, and setting another with a token that is sent to the account's address."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import EmailStr, Field
from starlette.responses import Response

from contracts.identity import ChangePassword, RequestPasswordReset, ResetPassword, Scope
from gateway.bodies import Body, BodyRoute, Password
from gateway.dependencies import ContextDep, PartsDep, ProfileCaller
from gateway.openapi import problems
from gateway.origins import origin_of
from gateway.routes.users import GONE, OVERLOADED, TOO_SHORT, TOO_WEAK, UNCERTAIN

router = APIRouter(route_class=BodyRoute, tags=["users and sessions"])

TOKEN_NOT_VALID = {"token_not_valid": "The token is wrong, was used already, or holds no longer."}
_WRONG = {
    "invalid_credentials": "E-mail address or password is wrong.",
    "too_many_attempts": "There were too many wrong attempts; try again in 4 seconds.",
}
_NO_ADDRESS = ("body/email", "Field required")
_EXAMPLE = "a tidy heron crosses seventeen bridges"
_MOST_TOKEN = 512


class PasswordChange(Body):
    """The password that holds, and the one that shall."""

    current_password: Annotated[
        Password, Field(min_length=1, max_length=128, examples=["correct horse battery staple"])
    ]
    password: Annotated[Password, Field(min_length=12, max_length=128, examples=[_EXAMPLE])]


class ForgottenPassword(Body):
    """Whose password is to be set anew."""

    email: Annotated[EmailStr, Field(max_length=254, examples=["ann@ledgerlink.example"])]


class PasswordReset(Body):
    """The token that was sent, and the password that shall hold."""

    token: Annotated[Password, Field(min_length=1, max_length=_MOST_TOKEN, examples=["llp_n4bQgYhMfWWaL-qgxVrQ"])]
    password: Annotated[Password, Field(min_length=12, max_length=128, examples=[_EXAMPLE])]


@router.post(
    "/v1/users/me/password",
    response_model=None,
    status_code=GONE,
    summary="Change your password",
    responses={
        GONE: {"description": "Changed"},
        **problems(
            _WRONG | TOO_WEAK | OVERLOADED | UNCERTAIN, asks="identity", scope=Scope.PROFILE, wrong_body=TOO_SHORT
        ),
    },
)
async def change_password(
    body: PasswordChange, caller: ProfileCaller, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Change your password. All your other sessions end, and a message tells you of it."""
    query = ChangePassword.model_construct(
        user=caller.user,
        session=caller.grant,
        current=body.current_password,
        new=body.password,
        origin=origin_of(request),
    )
    await parts.queries.ask_to_change(query, context, parts.settings.login_seconds)
    return Response(status_code=GONE)


@router.post(
    "/v1/password_resets",
    response_model=None,
    status_code=GONE,
    summary="Ask for another password",
    responses={
        GONE: {"description": "A message is sent to the address, if it has an account"},
        **problems(asks="identity", wrong_body=_NO_ADDRESS),
    },
)
async def request_password_reset(
    body: ForgottenPassword, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Have a token sent with which a password can be set; it holds for an hour.

    The answer is the same whether the address has an account or not.
    """
    await parts.queries.ask(RequestPasswordReset.model_construct(email=body.email, origin=origin_of(request)), context)
    return Response(status_code=GONE)


@router.post(
    "/v1/password_resets/confirm",
    response_model=None,
    status_code=GONE,
    summary="Set another password",
    responses={
        GONE: {"description": "Set"},
        **problems(TOKEN_NOT_VALID | TOO_WEAK | OVERLOADED | UNCERTAIN, asks="identity", wrong_body=TOO_SHORT),
    },
)
async def reset_password(body: PasswordReset, parts: PartsDep, context: ContextDep, request: Request) -> Response:
    """Set a password with the token that was sent. All sessions of the account end; log in with the new password."""
    query = ResetPassword.model_construct(token=body.token, password=body.password, origin=origin_of(request))
    await parts.queries.ask_to_change(query, context, parts.settings.login_seconds)
    return Response(status_code=GONE)
