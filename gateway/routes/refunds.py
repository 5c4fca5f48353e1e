"""Refunds: captured money that goes back to where it came from."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import UUID7, Field
from starlette.responses import Response

from contracts.ids import new_id
from contracts.money import Amount
from contracts.payments import PAGE_LIMIT, CreateRefund, GetRefund, ListRefunds, Refund, RefundPage, RefundReason
from contracts.wallet import Metadata
from gateway.accounts import is_ours
from gateway.bodies import Body
from gateway.card_numbers import CardlessRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, PaymentsCaller
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, FOLLOWS, carry_out, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes import payment_intents

router = APIRouter(route_class=CardlessRoute, prefix="/v1/refunds", tags=["payments"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-9f00-7a88-8b99-9cadbbde2201",
    "payment_intent": payment_intents.EXAMPLE["id"],
    "amount": 400,
    "currency": "EUR",
    "reason": "requested_by_customer",
    "metadata": {"order": "4711"},
    "status": "succeeded",
    "created_at": "2026-01-06T10:00:00.000000Z",
    "updated_at": "2026-01-06T10:00:00.020000Z",
}
_PENDING = EXAMPLE | {"status": "pending"}
_LOCATION = f"/v1/refunds/{EXAMPLE['id']}"
_UNKNOWN = {"refund_not_found": "No payment of yours has a refund with this id."}
_REFUSALS = {
    **payment_intents.UNKNOWN,
    **payment_intents.UNEXPECTED_STATE,
    "refund_exceeds_captured": "All refunds and disputes of a payment together cannot exceed what was captured.",
    "refund_not_possible": "A payout cannot be refunded.",
    "insufficient_funds": "The merchant's wallet holds less than the refund.",
    "refund_failed": "The processor could not give the money back.",
}


class NewRefund(Body):
    """How much of a payment goes back, and why."""

    payment_intent: Annotated[UUID, Field(examples=[EXAMPLE["payment_intent"]])]
    amount: Annotated[Amount | None, Field(description="All that is left, if left out", examples=[400])] = None
    reason: Annotated[RefundReason | None, Field(examples=["requested_by_customer"])] = None
    metadata: Metadata | None = None


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Refund a payment",
    responses={
        CREATED: success(Refund, "The money is back", EXAMPLE, _LOCATION),
        FOLLOWS: success(Refund, "Recorded; follow the operation at `Location`", _PENDING, _LOCATION),
        **problems(_REFUSALS, scope="payments", wrong_body=payment_intents.WRONG_AMOUNT, command=True, cards=True),
    },
)
async def create_refund(
    body: NewRefund, caller: PaymentsCaller, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Give back what was captured of a payment, all that is left or `amount`; only its merchant may.

    A refund that fails is a 402 that embeds it: no money was moved.
    """
    payment_intents.check_id(body.payment_intent, "payment_intent")
    refund_id = new_id()
    command = CreateRefund.model_construct(
        refund_id=refund_id,
        payment_intent_id=body.payment_intent,
        merchant=caller.user,
        amount=body.amount,
        reason=body.reason,
        metadata=body.metadata,
        idempotency=headers.idempotency(caller.user, "create_refund", body),
    )
    try:
        return await carry_out(command, CREATED, headers.preferences, parts, context)
    except ProblemError as problem:
        if problem.parameter == "payment_intent_id":  # as the command calls it
            problem.parameter = "payment_intent"
        raise


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List refunds",
    responses={
        DONE: success(RefundPage, "Refunds, newest first", {"refunds": [EXAMPLE], "next_before": None}),
        **problems(asks="payments", scope="payments"),
    },
)
async def list_refunds(
    caller: PaymentsCaller,
    parts: PartsDep,
    context: ContextDep,
    payment_intent: Annotated[UUID7 | None, Query(description="Only those of one payment")] = None,
    before: Annotated[UUID7 | None, Query(description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 20,
) -> Response:
    """List the refunds of the payments of which you are customer or merchant, newest first."""
    query = ListRefunds.model_construct(party=caller.user, payment_intent=payment_intent, before=before, limit=limit)
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{refund_id}",
    response_model=None,
    summary="Read a refund",
    responses={DONE: success(Refund, "The refund", EXAMPLE), **problems(_UNKNOWN, asks="payments", scope="payments")},
)
async def get_refund(refund_id: UUID, caller: PaymentsCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Read a refund of a payment of which you are customer or merchant."""
    if not is_ours(refund_id):
        raise ProblemError("refund_not_found", _UNKNOWN["refund_not_found"], parameter="refund_id")
    query = GetRefund.model_construct(id=refund_id, party=caller.user)
    return json_response(await parts.queries.ask(query, context))
