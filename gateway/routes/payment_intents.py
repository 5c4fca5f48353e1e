"""Payment intents: create, confirm, read. They keep Stripe's conventions where those fit."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, StrictBool
from starlette.responses import Response

from contracts.ids import new_id
from contracts.message import Outcome, Problem, Reply
from contracts.money import Amount, Currency
from contracts.payments import (
    ConfirmPaymentIntent,
    CreatePaymentIntent,
    GetPaymentIntent,
    PaymentIntent,
    PaymentStatus,
)
from gateway.accounts import is_ours, wallet_not_found
from gateway.bodies import Body, BodyRoute
from gateway.currencies import check_currency
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, PaymentsCaller
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, FOLLOWS, Operation, carry_out, json_response
from gateway.parts import Parts
from gateway.problems import ProblemError
from gateway.request_context import Caller, RequestContext

router = APIRouter(route_class=BodyRoute, prefix="/v1/payment_intents", tags=["payments"])

EXAMPLE = {
    "id": "01990f3e-8d40-7e66-af77-7a88b99c0001",
    "customer": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a01",
    "source_wallet": "01990f3e-6a00-7b11-8c22-3d33e44f5501",
    "destination_wallet": "01990f3e-6a01-7b11-8c22-3d33e44f5502",
    "amount": 1250,
    "currency": "EUR",
    "description": "Two coffees and a cake",
    "status": "succeeded",
    "transfer_id": "01990f3e-9e50-7f77-b088-8b99caad1101",
    "created_at": "2026-01-05T09:32:00.000000Z",
    "updated_at": "2026-01-05T09:32:00.012000Z",
}
_PROCESSING = {k: v for k, v in EXAMPLE.items() if k != "transfer_id"} | {"status": "processing"}
_LOCATION = f"/v1/payment_intents/{EXAMPLE['id']}"
_DECLINES = {
    "insufficient_funds": "The wallet holds less than the payment's amount.",
    "payment_declined": "A risk rule declined the payment.",
}
_UNKNOWN = "You have no payment intent with this id."
_CREATE_REFUSALS = {
    "wallet_not_found": "No wallet of yours has the id given as `source_wallet`; GET /v1/wallets lists yours.",
    "currency_mismatch": "The account `destination_wallet` holds USD, not EUR.",
    "same_wallet": "A payment needs two wallets.",
    **_DECLINES,
}
_CONFIRM_REFUSALS = {
    "payment_intent_not_found": _UNKNOWN,
    "payment_intent_unexpected_state": "The payment intent has succeeded already.",
    **_DECLINES,
}
Description = Annotated[
    str,
    Field(
        max_length=500,
        pattern="^[^\x00]*$",
        description="For people; no NUL characters",
        examples=[EXAMPLE["description"]],
    ),
]


class NewPaymentIntent(Body):
    """A payment from one of the caller's wallets to any wallet of the same currency."""

    source_wallet: Annotated[UUID, Field(examples=[EXAMPLE["source_wallet"]])]
    destination_wallet: Annotated[UUID, Field(examples=[EXAMPLE["destination_wallet"]])]
    amount: Amount
    currency: Currency
    description: Description | None = None
    confirm: StrictBool = Field(default=False, description="Set the payment going at once", examples=[True])


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Create a payment intent, and confirm it",
    responses={
        CREATED: success(PaymentIntent, "Created; with `confirm` the payment has succeeded", EXAMPLE, _LOCATION),
        FOLLOWS: success(PaymentIntent, "Recorded; the outcome follows at `Location`", _PROCESSING, _LOCATION),
        **problems(
            _CREATE_REFUSALS,
            asks="wallet",
            scope="payments",
            wrong_body=("body/amount", "Input should be greater than 0"),
            command=True,
        ),
    },
)
async def create_payment_intent(
    body: NewPaymentIntent, caller: PaymentsCaller, headers: CommandHeadersDep, parts: PartsDep, context: ContextDep
) -> Response:
    """Create a payment intent; with `confirm: true` wait for its outcome. A decline is a 402 that embeds the intent."""
    await _check_wallets(body, caller, parts, context)
    intent_id = new_id()
    command = CreatePaymentIntent.model_construct(
        payment_intent_id=intent_id,
        customer=caller.user,
        source_wallet=body.source_wallet,
        destination_wallet=body.destination_wallet,
        amount=body.amount,
        currency=body.currency,
        description=body.description,
        confirm=body.confirm,
        idempotency=headers.idempotency(caller.user, "create_payment_intent", body),
    )

    async def find() -> Reply | None:
        return _created(await _intent(intent_id, caller, parts, context))

    operation = Operation(command, intent_id, "/v1/payment_intents/{}", CREATED, find, "payment_intent")
    return await carry_out(operation, parts.commands, headers.preferences, context)


@router.post(
    "/{payment_intent_id}/confirm",
    response_model=None,
    summary="Confirm a payment intent",
    responses={
        DONE: success(PaymentIntent, "The payment has succeeded", EXAMPLE),
        FOLLOWS: success(PaymentIntent, "Recorded; the outcome follows at `Location`", _PROCESSING, _LOCATION),
        **problems(_CONFIRM_REFUSALS, scope="payments", command=True),
    },
)
async def confirm_payment_intent(
    payment_intent_id: UUID,
    caller: PaymentsCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Set a payment going, or try it again after a decline."""
    if not is_ours(payment_intent_id):
        raise _intent_not_found()
    command = ConfirmPaymentIntent.model_construct(
        payment_intent_id=payment_intent_id,
        customer=caller.user,
        idempotency=headers.idempotency(caller.user, "confirm_payment_intent"),
    )

    async def find() -> Reply | None:
        return _confirmed(await _intent(payment_intent_id, caller, parts, context))

    operation = Operation(command, payment_intent_id, "/v1/payment_intents/{}", DONE, find, "payment_intent")
    return await carry_out(operation, parts.commands, headers.preferences, context)


@router.get(
    "/{payment_intent_id}",
    response_model=None,
    summary="Read a payment intent",
    responses={
        DONE: success(PaymentIntent, "The payment intent", EXAMPLE),
        **problems({"payment_intent_not_found": _UNKNOWN}, asks="payments", scope="payments"),
    },
)
async def get_payment_intent(
    payment_intent_id: UUID, caller: PaymentsCaller, parts: PartsDep, context: ContextDep
) -> Response:
    """Read a payment intent of the caller's."""
    if not is_ours(payment_intent_id):
        raise _intent_not_found()
    query = GetPaymentIntent.model_construct(id=payment_intent_id, customer=caller.user)
    return json_response(await parts.queries.ask(query, context))


async def _check_wallets(body: NewPaymentIntent, caller: Caller, parts: Parts, context: RequestContext) -> None:
    """Raise ProblemError unless the caller owns the source, the destination exists, and both hold the currency."""
    wallets = await parts.wallets.find((body.source_wallet, body.destination_wallet), context)
    source, destination = wallets.get(body.source_wallet), wallets.get(body.destination_wallet)
    if source is None or source.owner != caller.user:
        raise wallet_not_found("source_wallet")
    if destination is None:
        detail = "No wallet has the id given as `destination_wallet`; ask the payee for theirs."
        raise ProblemError("wallet_not_found", detail, parameter="destination_wallet")
    check_currency(source, "source_wallet", body.currency)
    check_currency(destination, "destination_wallet", body.currency)


async def _intent(intent_id: UUID, caller: Caller, parts: Parts, context: RequestContext) -> PaymentIntent | None:
    query = GetPaymentIntent.model_construct(id=intent_id, customer=caller.user)
    try:
        return PaymentIntent.model_validate(await parts.queries.ask(query, context))
    except ProblemError as problem:
        if problem.code == "payment_intent_not_found":
            return None
        raise


def _created(intent: PaymentIntent | None) -> Reply | None:
    """Return what the reply to the creation must have been, now that its state is known."""
    if intent is None:
        return None
    if intent.status is PaymentStatus.PROCESSING:
        return _reply(Outcome.ACCEPTED, intent)
    return _reply(Outcome.COMPLETED, intent, intent.last_payment_error)


def _confirmed(intent: PaymentIntent | None) -> Reply | None:
    """Return the same for a confirmation; in its other states an intent may not have heard of this one yet."""
    if intent is not None and intent.status is PaymentStatus.SUCCEEDED:
        return _reply(Outcome.COMPLETED, intent)
    if intent is not None and intent.status is PaymentStatus.PROCESSING:
        return _reply(Outcome.ACCEPTED, intent)
    return None


def _reply(outcome: Outcome, intent: PaymentIntent, problem: Problem | None = None) -> Reply:
    return Reply(outcome=outcome, resource=intent.model_dump(mode="json", exclude_none=True), problem=problem)


def _intent_not_found() -> ProblemError:
    return ProblemError("payment_intent_not_found", _UNKNOWN, parameter="payment_intent_id")
