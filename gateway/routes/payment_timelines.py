"""What has happened to a payment intent: its hops, and its events as they happen."""

import time
from contextlib import ExitStack
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from contracts.payments import PAGE_LIMIT, GetPaymentIntent, GetTimeline, Timeline
from gateway.dependencies import ContextDep, PartsDep, PaymentsCaller
from gateway.error_handlers import invalid_request
from gateway.event_stream import MEDIA_TYPE, EventStream
from gateway.open_streams import BUSY, seconds_of
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.payment_events import FINAL, Watch, as_event, payment_events
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes.payment_intents import EXAMPLE, PREFIX, UNKNOWN, check_id

router = APIRouter(prefix=PREFIX, tags=["payments"])

_NOTHING_MORE = 204
_MOST_HOPS = 2**31
HOP_EXAMPLE: dict[str, Any] = {
    "number": 3,
    "at": "2026-01-05T09:32:00.012000Z",
    "trigger": "posted",
    "state": "succeeded",
    "status": "succeeded",
    "cause": "01990f3e-8d4a-7e66-af77-7a88b99c0003",
    "operation": "01990f3e-9e50-7f77-b088-8b99caad1101",
    "event_id": "01990f3e-8d4c-7e66-af77-7a88b99c0005",
    "event": "payment_intent.succeeded",
    "data": {"payment_intent": EXAMPLE},
}


@router.get(
    "/{payment_intent_id}/timeline",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Read what has happened to a payment intent",
    responses={
        DONE: success(Timeline, "Hops in order", {"hops": [HOP_EXAMPLE], "next_after": None}),
        **problems(UNKNOWN, asks="payments", scope="payments"),
    },
)
async def get_timeline(
    payment_intent_id: UUID,
    caller: PaymentsCaller,
    parts: PartsDep,
    context: ContextDep,
    after: Annotated[int, Query(ge=0, lt=_MOST_HOPS, description="`next_after` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = PAGE_LIMIT,
) -> Response:
    """Read every hop of a payment, its refunds and disputes: when, by what it was caused, and where it led."""
    check_id(payment_intent_id)
    query = GetTimeline.model_construct(payment_intent=payment_intent_id, party=caller.user, after=after, limit=limit)
    return json_response({"next_after": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{payment_intent_id}/events",
    status_code=DONE,
    response_model=None,
    response_class=EventStream,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="Follow a payment intent",
    responses={
        DONE: {
            "description": "Server-sent events: `id` is the hop's number, `event` its type, `data` what a webhook has",
            "content": {MEDIA_TYPE: {"example": as_event(HOP_EXAMPLE).decode()}},
        },
        _NOTHING_MORE: {"description": "The payment goes no further, and all was told: do not come back"},
        **problems(UNKNOWN | BUSY, asks="payments", scope="payments"),
    },
)
async def follow_payment_intent(
    payment_intent_id: UUID,
    caller: PaymentsCaller,
    parts: PartsDep,
    context: ContextDep,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="The last `id` you have seen; what followed it comes first"),
    ] = None,
) -> Response:
    """Follow a payment: all its events so far, then each as it happens, until it has succeeded or is canceled.

    A stream lasts some minutes at the most, and no longer than its access token; come back with the last `id` that you
    have seen, as browsers do by themselves. Refunds and disputes that come after the end are told by webhooks.
    """
    check_id(payment_intent_id)
    asked = GetTimeline.model_construct(
        payment_intent=payment_intent_id, party=caller.user, after=_number(last_event_id), limit=PAGE_LIMIT
    )
    with ExitStack() as place:
        place.enter_context(parts.streams.place(caller.user))
        # In this order: what led to the state that is read first is in the timeline that is read then.
        intent = await parts.queries.ask(GetPaymentIntent(id=payment_intent_id, customer=caller.user), context)
        page = await parts.queries.ask(asked, context)
        is_final = intent["status"] in FINAL
        if is_final and not page["hops"]:
            return Response(status_code=_NOTHING_MORE)
        seconds = seconds_of(caller, parts.settings.stream_seconds)
        watch = Watch(asked, parts.queries, parts.streams, context, time.monotonic() + seconds)
        events = payment_events(watch, page, is_final=is_final)
        return EventStream(events, place.pop_all(), seconds, lambda: parts.tokens.hold(caller))


def _number(last_event_id: str | None) -> int:
    """Return the hop that a client has seen last. Raises ProblemError `invalid_request`."""
    if not last_event_id:
        return 0
    if not (last_event_id.isascii() and last_event_id.isdigit() and int(last_event_id[:11]) < _MOST_HOPS):
        raise invalid_request([("header/Last-Event-ID", "not the `id` of an event of this stream")])
    return int(last_event_id[:11])
