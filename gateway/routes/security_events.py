"""The log of security events: one's own, and everybody's for auditors."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import UUID7
from starlette.responses import Response

from contracts.identity import PAGE_LIMIT, ListSecurityEvents, Scope, SecurityEventKind, SecurityEventPage
from gateway.dependencies import Auditor, ContextDep, PartsDep, ProfileCaller
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes import users

router = APIRouter(tags=["security events"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-6a11-7b02-9c11-0d7e5a3b1c20",
    "kind": "logged_in",
    "at": "2026-01-05T09:30:00.000000Z",
    "user": users.EXAMPLE["id"],
    "address": "203.0.113.7",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
PAGE_EXAMPLE: dict[str, Any] = {"events": [EXAMPLE], "next_before": None}
_OnlyKind = Annotated[SecurityEventKind | None, Query(description="Only events of this kind")]
_Before = Annotated[UUID7 | None, Query(description="`next_before` of the page before")]
_Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT)]


@router.get(
    "/v1/users/me/security_events",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List what happened to your account",
    responses={
        DONE: success(SecurityEventPage, "Security events, newest first", PAGE_EXAMPLE),
        **problems(asks="identity", scope=Scope.PROFILE),
    },
)
async def list_own(
    caller: ProfileCaller,
    parts: PartsDep,
    context: ContextDep,
    kind: _OnlyKind = None,
    before: _Before = None,
    limit: _Limit = 20,
) -> Response:
    """List logins, failed ones too, and changes of passwords, factors and keys, and where each came from."""
    query = ListSecurityEvents.model_construct(user=caller.user, kind=kind, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/v1/security_events",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Read the security log (admins, analysts)",
    responses={
        DONE: success(SecurityEventPage, "Security events, newest first", PAGE_EXAMPLE),
        **problems(asks="identity", scope=Scope.AUDIT),
    },
)
async def list_all(
    _caller: Auditor,
    parts: PartsDep,
    context: ContextDep,
    user: Annotated[UUID7 | None, Query(description="Only events of this user")] = None,
    kind: _OnlyKind = None,
    before: _Before = None,
    limit: _Limit = 20,
) -> Response:
    """Read what happened to all accounts. Nothing in the log can be changed; of erased users it tells no origin."""
    query = ListSecurityEvents.model_construct(user=user, kind=kind, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))
