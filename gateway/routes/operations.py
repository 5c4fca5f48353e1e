"""Operations: what has become of a command, read now or followed to its end."""

import time
from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from starlette.responses import Response

from gateway.dependencies import AnyCaller, ContextDep, PartsDep, check_scope
from gateway.event_stream import MEDIA_TYPE, EventStream
from gateway.followed_operations import PROCESSING, Followed, Operation
from gateway.open_streams import BUSY, seconds_of
from gateway.openapi import OPERATION_EXAMPLE, following, problems, success
from gateway.operation_events import as_event, operation_events
from gateway.operations import PREFIX, OperationName
from gateway.outcomes import DONE, RETRY_AFTER, json_response
from gateway.parts import Parts
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.request_context import Caller, RequestContext
from gateway.routes.transfers import EXAMPLE as TRANSFER

router = APIRouter(prefix=PREFIX, tags=["operations"])

_NOTHING_MORE = 204
_OUTCOME = "2"
EXAMPLE: dict[str, Any] = OPERATION_EXAMPLE | {
    "status": "succeeded",
    "recorded_at": "2026-01-05T09:31:30.120000Z",
    "location": f"/v1/transfers/{TRANSFER['id']}",
    "resource": TRANSFER,
}
_UNKNOWN = {"operation_not_found": "You have no operation with this id, or it was more than 30 days ago."}
OperationId = Annotated[
    str, Path(description="As the `Location` of a 202 names it", max_length=512, examples=[EXAMPLE["id"]])
]


@router.get(
    "/{operation_id}",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Read an operation",
    responses={
        DONE: success(Operation, "The operation, with its outcome once it has one", EXAMPLE) | following(),
        **problems(_UNKNOWN, asks="wallet", scope="wallets"),
    },
)
async def get_operation(operation_id: OperationId, caller: AnyCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Read what has become of a command of yours: whether it is under way, and how it ended. Kept for 30 days.

    The token needs the scope that the command itself needs.
    """
    shown = await _followed(operation_id, caller, parts, context).read()
    return json_response(shown, DONE, RETRY_AFTER if shown["status"] == PROCESSING else None)


@router.get(
    "/{operation_id}/events",
    status_code=DONE,
    response_model=None,
    response_class=EventStream,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Follow an operation",
    responses={
        DONE: {
            "description": "Server-sent events: `operation.processing`, then the outcome; `data` is the operation",
            "content": {MEDIA_TYPE: {"example": as_event(EXAMPLE).decode()}},
        },
        _NOTHING_MORE: {"description": "The outcome was told: do not come back"},
        **problems(_UNKNOWN | BUSY, asks="wallet", scope="wallets"),
    },
)
async def follow_operation(
    operation_id: OperationId,
    caller: AnyCaller,
    parts: PartsDep,
    context: ContextDep,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", description="The last `id` you have seen")
    ] = None,
) -> Response:
    """Follow a command of yours until it has succeeded or failed, which is the last event.

    A stream lasts some minutes at the most, and no longer than its access token; come back as browsers do.
    """
    followed = _followed(operation_id, caller, parts, context)
    with ExitStack() as place:
        place.enter_context(parts.streams.place(caller.user))
        shown = await followed.read()
        if last_event_id == _OUTCOME and shown["status"] != PROCESSING:
            return Response(status_code=_NOTHING_MORE)
        seconds = seconds_of(caller, parts.settings.stream_seconds)
        events = operation_events(followed, shown, parts.streams, time.monotonic() + seconds)
        return EventStream(events, place.pop_all(), seconds, lambda: parts.tokens.hold(caller))


def _followed(operation_id: str, caller: Caller, parts: Parts, context: RequestContext) -> Followed:
    """Return how to read the caller's operation. Raises ProblemError for an id that is none, or a scope that lacks."""
    name = OperationName.parse(operation_id)
    if name is None:
        raise ProblemError("operation_not_found", _UNKNOWN["operation_not_found"], parameter="operation_id")
    check_scope(caller, name.kind.scope)
    return Followed(name, caller.user, parts.queries, context)
