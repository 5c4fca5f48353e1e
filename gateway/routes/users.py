"""POST /v1/users: register."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import EmailStr, Field
from starlette.responses import Response

from contracts.identity import Register, User
from gateway.bodies import Body, BodyRoute, Password
from gateway.dependencies import ContextDep, PartsDep
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, json_response

router = APIRouter(route_class=BodyRoute, tags=["users and sessions"])

EXAMPLE = {
    "id": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a01",
    "email": "ann@ledgerlink.example",
    "role": "customer",
    "created_at": "2026-01-05T09:30:00.000000Z",
}
_TAKEN = {"email_taken": "This e-mail address has an account already; log in instead."}
_TOO_SHORT = ("body/password", "Value should have at least 12 items after validation, not 5")


class NewUser(Body):
    """Who wants an account."""

    email: Annotated[EmailStr, Field(max_length=254, examples=["ann@ledgerlink.example"])]
    password: Annotated[Password, Field(min_length=12, max_length=128, examples=["correct horse battery staple"])]


@router.post(
    "/v1/users",
    status_code=CREATED,
    response_model=None,
    summary="Register",
    responses={
        CREATED: success(User, "Registered", EXAMPLE),
        **problems(_TAKEN, asks="identity", wrong_body=_TOO_SHORT),
    },
)
async def register(body: NewUser, parts: PartsDep, context: ContextDep) -> Response:
    """Make a customer's account. The password travels to the identity service only, and is kept as an Argon2id hash."""
    request = Register.model_construct(email=body.email, password=body.password)
    return json_response(await parts.queries.ask(request, context, parts.settings.login_seconds), CREATED)
