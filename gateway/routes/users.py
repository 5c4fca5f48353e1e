"""Users: registering, seeing who one is, and leaving."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import EmailStr, Field
from starlette.responses import Response

from contracts.identity import LONGEST_PERSON_NAME, EraseUser, GetUser, Register, Scope, User
from gateway.bodies import BirthDate, Body, BodyRoute, Password
from gateway.dependencies import ContextDep, PartsDep, ProfileCaller
from gateway.openapi import problems, success
from gateway.origins import origin_of
from gateway.outcomes import CREATED, DONE, json_response
from gateway.queries import not_confirmed
from gateway.step_up import STEP_UP, Fresh

router = APIRouter(route_class=BodyRoute, tags=["users and sessions"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a01",
    "email": "ann@ledgerlink.example",
    "email_verified": False,
    "role": "customer",
    "status": "active",
    "second_factors": [],
    "created_at": "2026-01-05T09:30:00.000000Z",
}
TOO_WEAK = {
    "password_too_weak": "The password is too easy to guess. This is a very common password. Add another word or two."
}
OVERLOADED = {"overloaded": "Too many people log in at this moment; try again in a few seconds."}
UNCERTAIN = {"outcome_unknown": not_confirmed("identity")}
TOO_SHORT = ("body/password", "should have at least 12 characters, not 5")
GONE = 204
_TAKEN = {"email_taken": "This e-mail address has an account already; log in instead."}


class NewUser(Body):
    """Who wants an account."""

    email: Annotated[EmailStr, Field(max_length=254, examples=["ann@ledgerlink.example"])]
    password: Annotated[Password, Field(min_length=12, max_length=128, examples=["correct horse battery staple"])]
    name: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=LONGEST_PERSON_NAME,
            pattern="^[^\x00]*$",
            examples=["Ann Example"],
            description="As in official papers; it is screened against sanctions lists, and kept sealed",
        ),
    ] = None
    birth_date: Annotated[BirthDate | None, Field(examples=["1990-04-28"])] = None


@router.post(
    "/v1/users",
    status_code=CREATED,
    response_model=None,
    summary="Register",
    responses={
        CREATED: success(User, "Registered", EXAMPLE),
        **problems(_TAKEN | TOO_WEAK | OVERLOADED, asks="identity", wrong_body=TOO_SHORT),
    },
)
async def register(body: NewUser, parts: PartsDep, context: ContextDep, request: Request) -> Response:
    """Make a customer's account, and send a token to its address, which proves it (`POST /v1/email_verifications`).

    The password travels to the identity service only, and is kept as an Argon2id hash. Name and birth date, which are
    optional, are kept sealed, and shown to nobody but the analysts who compare them with sanctions lists.
    """
    asked = Register.model_construct(
        email=body.email,
        password=body.password,
        origin=origin_of(request),
        name=body.name,
        birth_date=body.birth_date,
    )
    return json_response(await parts.queries.ask(asked, context, parts.settings.login_seconds), CREATED)


@router.get(
    "/v1/users/me",
    response_model=None,
    summary="Show your account",
    responses={DONE: success(User, "Your account", EXAMPLE), **problems(asks="identity", scope=Scope.PROFILE)},
)
async def show_me(caller: ProfileCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Show who you are to LedgerLink."""
    return json_response(await parts.queries.ask(GetUser.model_construct(user=caller.user), context))


@router.delete(
    "/v1/users/me",
    response_model=None,
    status_code=GONE,
    summary="Erase your account",
    responses={
        GONE: {"description": "Erased"},
        **problems(STEP_UP | UNCERTAIN, asks="identity", scope=Scope.PROFILE),
    },
)
async def erase_me(
    caller: ProfileCaller, _fresh: Fresh, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Erase all that is personal, for ever: address, password, second factors, and where you logged in from.

    Money stays where it is: the ledger knows your id only. Nobody can log in to the account any more.
    """
    query = EraseUser.model_construct(user=caller.user, erased_by=caller.user, origin=origin_of(request))
    await parts.queries.ask_to_change(query, context)
    return Response(status_code=GONE)
