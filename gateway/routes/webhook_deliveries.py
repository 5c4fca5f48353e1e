"""Deliveries to webhook endpoints: what was sent when with which result; and sending it again."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7, Field
from starlette.responses import Response

from contracts.payments import (
    PAGE_LIMIT,
    Delivery,
    DeliveryPage,
    DeliveryStatus,
    ListDeliveries,
    Redeliver,
    Replayed,
    ReplayEvents,
    SendTestEvent,
)
from gateway.accounts import is_ours
from gateway.bodies import Body, BodyRoute, Instant
from gateway.dependencies import ContextDep, PartsDep, PaymentsCaller
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes import payment_intents, webhook_endpoints
from gateway.routes.webhook_endpoints import DISABLED, PREFIX, UNCERTAIN, UNKNOWN, check_id

router = APIRouter(route_class=BodyRoute, tags=["webhooks"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-a300-7acc-8edd-d0e1f2c36601",
    "endpoint": webhook_endpoints.EXAMPLE["id"],
    "event_id": "01990f3e-8d4c-7e66-af77-7a88b99c0005",
    "event": "payment_intent.succeeded",
    "payment_intent": payment_intents.EXAMPLE["id"],
    "status": "succeeded",
    "attempts": [{"number": 1, "at": "2026-01-05T09:32:00.050000Z", "status_code": 200, "milliseconds": 38}],
    "created_at": "2026-01-05T09:32:00.012000Z",
}
_PENDING = EXAMPLE | {"status": "pending", "attempts": [], "next_attempt_at": "2026-01-05T09:32:00.012000Z"}
_TEST = {k: v for k, v in _PENDING.items() if k != "payment_intent"} | {"event": "endpoint.test"}
_UNKNOWN_DELIVERY = {"delivery_not_found": "No webhook endpoint of yours has a delivery with this id."}


class Replay(Body):
    """From when on to send again."""

    since: Annotated[Instant, Field(examples=["2026-01-05T00:00:00Z"])]


@router.get(
    PREFIX + "/{endpoint_id}/deliveries",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List an endpoint's deliveries",
    responses={
        DONE: success(DeliveryPage, "Deliveries, newest first", {"deliveries": [EXAMPLE], "next_before": None}),
        **problems(UNKNOWN, asks="payments", scope="payments"),
    },
)
async def list_deliveries(
    endpoint_id: UUID,
    caller: PaymentsCaller,
    parts: PartsDep,
    context: ContextDep,
    status: Annotated[DeliveryStatus | None, Query()] = None,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 20,
) -> Response:
    """List what was sent to an endpoint of yours, or is about to be, with every attempt."""
    check_id(endpoint_id)
    query = ListDeliveries.model_construct(
        endpoint=endpoint_id, owner=caller.user, status=status, before=before, limit=limit
    )
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.post(
    PREFIX + "/{endpoint_id}/test",
    response_model=None,
    summary="Send a test event",
    responses={
        DONE: success(Delivery, "On its way; the endpoint's deliveries show how it went", _TEST),
        **problems(UNKNOWN | DISABLED | UNCERTAIN, asks="payments", scope="payments"),
    },
)
async def send_test_event(endpoint_id: UUID, caller: PaymentsCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Send an event of type `endpoint.test` to an endpoint of yours, whatever it asks for."""
    check_id(endpoint_id)
    query = SendTestEvent.model_construct(id=endpoint_id, owner=caller.user)
    return json_response(await parts.queries.ask_to_change(query, context))


@router.post(
    PREFIX + "/{endpoint_id}/replay",
    response_model=None,
    summary="Send events again",
    responses={
        DONE: success(Replayed, "How many are on their way again", {"deliveries": 12, "next_since": None}),
        **problems(
            UNKNOWN | DISABLED | UNCERTAIN,
            asks="payments",
            scope="payments",
            wrong_body=("body/since", "Field required"),
        ),
    },
)
async def replay_events(
    endpoint_id: UUID, body: Replay, caller: PaymentsCaller, parts: PartsDep, context: ContextDep
) -> Response:
    """Send again all that an endpoint asks for and that happened since an instant; receivers know it by its id.

    What is too much for one replay goes on with another from `next_since`.
    """
    check_id(endpoint_id)
    query = ReplayEvents.model_construct(endpoint=endpoint_id, owner=caller.user, since=body.since)
    return json_response({"next_since": None} | dict(await parts.queries.ask_to_change(query, context)))


@router.post(
    "/v1/webhook_deliveries/{delivery_id}/redeliver",
    response_model=None,
    summary="Send one delivery again",
    responses={
        DONE: success(Delivery, "On its way again", _PENDING),
        **problems(_UNKNOWN_DELIVERY | DISABLED | UNCERTAIN, asks="payments", scope="payments"),
    },
)
async def redeliver(delivery_id: UUID, caller: PaymentsCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Send a delivery again, now, under the same id of its event."""
    if not is_ours(delivery_id):
        raise ProblemError("delivery_not_found", _UNKNOWN_DELIVERY["delivery_not_found"], parameter="delivery_id")
    query = Redeliver.model_construct(id=delivery_id, owner=caller.user)
    return json_response(await parts.queries.ask_to_change(query, context))
