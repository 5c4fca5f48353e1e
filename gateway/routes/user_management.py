"""What administrators do to accounts of users: find them, give them roles, deactivate and reactivate them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import UUID7, EmailStr, Field
from starlette.responses import Response

from contracts.identity import (
    PAGE_LIMIT,
    ChangeRole,
    DeactivateUser,
    GetUser,
    ListUsers,
    ReactivateUser,
    Role,
    Scope,
    User,
    UserPage,
)
from gateway.accounts import is_ours
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import ContextDep, PartsDep, UserManager
from gateway.openapi import problems, success
from gateway.origins import origin_of
from gateway.outcomes import DONE, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes.users import EXAMPLE, UNCERTAIN
from gateway.step_up import STEP_UP, FreshAdmin

PREFIX = "/v1/users"
router = APIRouter(route_class=BodyRoute, prefix=PREFIX, tags=["administration"])

MERCHANT_EXAMPLE: dict[str, Any] = EXAMPLE | {"role": "merchant"}
DEACTIVATED_EXAMPLE: dict[str, Any] = EXAMPLE | {"status": "deactivated"}
_UNKNOWN = {"user_not_found": "There is no such user."}
_ERASED = {"user_erased": "The user has been erased, for ever."}
_OWN = {"own_account": "Another administrator does this to your account."}
_NO_ROLE = ("body/role", "Input should be 'customer', 'merchant', 'analyst', 'operator' or 'admin'")
GivenRole = Literal["customer", "merchant", "analyst", "operator", "admin"]
"""All roles but that of services, which no user has."""


class NewRole(Body):
    """The role that a user shall have."""

    role: Annotated[GivenRole, Field(examples=["merchant"])]


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List users (admins)",
    responses={
        DONE: success(UserPage, "Users, newest first", {"users": [EXAMPLE], "next_before": None}),
        **problems(asks="identity", scope=Scope.USERS),
    },
)
async def list_users(
    _caller: UserManager,
    parts: PartsDep,
    context: ContextDep,
    email: Annotated[EmailStr | None, Query(max_length=254, description="Only the one with this address")] = None,
    role: Annotated[GivenRole | None, Query(description="Only those with this role")] = None,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 20,
) -> Response:
    """List accounts of users; of erased ones only the id is left."""
    query = ListUsers.model_construct(email=email, role=Role(role) if role else None, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{user_id}",
    response_model=None,
    summary="Show a user (admins)",
    responses={DONE: success(User, "The user", EXAMPLE), **problems(_UNKNOWN, asks="identity", scope=Scope.USERS)},
)
async def show_user(user_id: UUID, _caller: UserManager, parts: PartsDep, context: ContextDep) -> Response:
    """Show an account."""
    return json_response(await parts.queries.ask(GetUser.model_construct(user=_known(user_id)), context))


@router.post(
    "/{user_id}/role",
    response_model=None,
    summary="Change a user's role (admins)",
    responses={
        DONE: success(User, "The user with the role", MERCHANT_EXAMPLE),
        **problems(
            STEP_UP | _UNKNOWN | _ERASED | _OWN | UNCERTAIN, asks="identity", scope=Scope.USERS, wrong_body=_NO_ROLE
        ),
    },
)
async def change_role(
    user_id: UUID,
    body: NewRole,
    caller: UserManager,
    _fresh: FreshAdmin,
    parts: PartsDep,
    context: ContextDep,
    request: Request,
) -> Response:
    """Give a user another role. All their sessions and tokens end at once: they log in with the new role."""
    origin = origin_of(request)
    query = ChangeRole.model_construct(
        user=_known(user_id), role=Role(body.role), changed_by=caller.user, origin=origin
    )
    return json_response(await parts.queries.ask_to_change(query, context))


@router.post(
    "/{user_id}/deactivate",
    response_model=None,
    summary="Deactivate a user (admins)",
    responses={
        DONE: success(User, "The user, deactivated", DEACTIVATED_EXAMPLE),
        **problems(STEP_UP | _UNKNOWN | _ERASED | _OWN | UNCERTAIN, asks="identity", scope=Scope.USERS),
    },
)
async def deactivate(
    user_id: UUID, caller: UserManager, _fresh: FreshAdmin, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Let nobody log in to an account. Its sessions, tokens and API keys end at once; the money stays."""
    origin = origin_of(request)
    query = DeactivateUser.model_construct(user=_known(user_id), deactivated_by=caller.user, origin=origin)
    return json_response(await parts.queries.ask_to_change(query, context))


@router.post(
    "/{user_id}/reactivate",
    response_model=None,
    summary="Reactivate a user (admins)",
    responses={
        DONE: success(User, "The user, active", EXAMPLE),
        **problems(STEP_UP | _UNKNOWN | _ERASED | UNCERTAIN, asks="identity", scope=Scope.USERS),
    },
)
async def reactivate(
    user_id: UUID, caller: UserManager, _fresh: FreshAdmin, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Let a deactivated user log in again; API keys that they had are gone."""
    origin = origin_of(request)
    query = ReactivateUser.model_construct(user=_known(user_id), reactivated_by=caller.user, origin=origin)
    return json_response(await parts.queries.ask_to_change(query, context))


def _known(user_id: UUID) -> UUID:
    """Let an id pass that can be a user's. Raises ProblemError `user_not_found`."""
    if not is_ours(user_id):
        raise ProblemError("user_not_found", _UNKNOWN["user_not_found"], parameter="user_id")
    return user_id
