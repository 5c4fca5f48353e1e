"""A user's sessions: where they are logged in, and logging out here or elsewhere."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from contracts.identity import EndSession, EndSessions, ListSessions, Sessions
from gateway.accounts import is_ours
from gateway.dependencies import ContextDep, PartsDep, ProfileCaller
from gateway.openapi import problems, success
from gateway.origins import origin_of
from gateway.outcomes import DONE, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes.users import UNCERTAIN

PREFIX = "/v1/sessions"
router = APIRouter(prefix=PREFIX, tags=["users and sessions"])

SCOPE = "profile"
EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-6a10-7d31-8c55-9b1e6d2f7a10",
    "client_id": "ledgerlink",
    "client_name": "LedgerLink",
    "device": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "address": "203.0.113.7",
    "scope": "profile wallets payments",
    "created_at": "2026-01-05T09:30:00.000000Z",
    "last_used_at": "2026-01-05T11:02:41.310000Z",
    "expires_at": "2026-02-04T09:30:00.000000Z",
    "current": True,
}
_UNKNOWN = {"session_not_found": "No session with this id is open; GET /v1/sessions lists yours."}
_ENDED = 204


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List your sessions",
    responses={
        DONE: success(Sessions, "Sessions that are open, last used first", {"sessions": [EXAMPLE]}),
        **problems(asks="identity", scope=SCOPE),
    },
)
async def list_sessions(caller: ProfileCaller, parts: PartsDep, context: ContextDep) -> Response:
    """List where you are logged in: the device and address of each login, and when it was used last."""
    query = ListSessions.model_construct(user=caller.user, current=caller.grant)
    return json_response(await parts.queries.ask(query, context))


@router.delete(
    "/{session_id}",
    response_model=None,
    status_code=_ENDED,
    summary="End a session",
    responses={_ENDED: {"description": "Ended"}, **problems(_UNKNOWN | UNCERTAIN, asks="identity", scope=SCOPE)},
)
async def end_session(
    session_id: UUID, caller: ProfileCaller, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Log out: a session of yours, this one or another. Its access tokens stop working at once."""
    if not is_ours(session_id):
        raise ProblemError("session_not_found", _UNKNOWN["session_not_found"], parameter="session_id")
    query = EndSession.model_construct(user=caller.user, session=session_id, origin=origin_of(request))
    await parts.queries.ask_to_change(query, context)
    return Response(status_code=_ENDED)


@router.delete(
    "",
    response_model=None,
    status_code=_ENDED,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="End all other sessions",
    responses={_ENDED: {"description": "Ended"}, **problems(UNCERTAIN, asks="identity", scope=SCOPE)},
)
async def end_other_sessions(caller: ProfileCaller, parts: PartsDep, context: ContextDep, request: Request) -> Response:
    """Log out everywhere but here. Access tokens of those sessions stop working at once."""
    query = EndSessions.model_construct(user=caller.user, except_session=caller.grant, origin=origin_of(request))
    await parts.queries.ask_to_change(query, context)
    return Response(status_code=_ENDED)
