"""Payment intents: create, read, list, change. They keep Stripe's conventions where those fit."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query
from starlette.responses import Response

from contracts.ids import new_id
from contracts.payments import (
    CreatePaymentIntent,
    GetPaymentIntent,
    ListPaymentIntents,
    PaymentIntent,
    PaymentIntentPage,
    UpdatePaymentIntent,
)
from gateway.accounts import is_ours
from gateway.card_numbers import CardlessRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, PaymentsCaller
from gateway.openapi import problems, success
from gateway.outcomes import CREATED, DONE, FOLLOWS, carry_out, json_response
from gateway.payment_bodies import OTHER_WALLET, REQUESTS, WALLET, NewPaymentIntent, PaymentIntentChange, said
from gateway.payment_filters import PaymentIntentFilters
from gateway.payment_wallets import DESTINATION_REQUIRED, SOURCE_REQUIRED, check_ends, check_method
from gateway.problems import ProblemError
from gateway.pseudonyms import PseudonymsDep
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.step_up import authenticated_at

PREFIX = "/v1/payment_intents"
router = APIRouter(route_class=CardlessRoute, prefix=PREFIX, tags=["payments"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-8d40-7e66-af77-7a88b99c0001",
    "customer": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a01",
    "merchant": "01990f3e-5d10-7a52-b1c4-2f5d8e7c9a02",
    "direction": "payment",
    "source_wallet": WALLET,
    "destination_wallet": OTHER_WALLET,
    "payment_method": {"type": "wallet", "wallet": WALLET},
    "amount": 1250,
    "currency": "EUR",
    "amount_capturable": 0,
    "amount_captured": 1250,
    "amount_refunded": 0,
    "amount_disputed": 0,
    "capture_method": "automatic",
    "application_fee": 0,
    "description": "Two coffees and a cake",
    "metadata": {"order": "4711"},
    "status": "succeeded",
    "allowed_operations": ["refund"],
    "transfer_id": "01990f3e-9e50-7f77-b088-8b99caad1101",
    "created_at": "2026-01-05T09:32:00.000000Z",
    "updated_at": "2026-01-05T09:32:00.012000Z",
}
_UNDECIDED = {"amount_captured": 0, "allowed_operations": []}
PROCESSING = {k: v for k, v in EXAMPLE.items() if k != "transfer_id"} | _UNDECIDED | {"status": "processing"}
UNCONFIRMED = PROCESSING | {
    "status": "requires_confirmation",
    "allowed_operations": ["update", "confirm", "cancel"],
}
LOCATION = f"{PREFIX}/{EXAMPLE['id']}"
FOLLOW = PREFIX + "/{}"
DECLINES = {
    "insufficient_funds": "The wallet holds less than the payment's amount.",
    "payment_declined": "A risk rule declined the payment.",
    "card_declined": "The card was declined; use another payment method.",
    "processor_unavailable": "No processor can take the payment now; no money was moved. Confirm it again later.",
}
UNKNOWN = {"payment_intent_not_found": "You have no payment intent with this id."}
UNEXPECTED_STATE = {"payment_intent_unexpected_state": "The payment intent has succeeded already."}
NOT_YOUR_WALLET = {
    "wallet_not_found": "No wallet of yours has the id given as `payment_method`; GET /v1/wallets lists yours."
}
NOT_POSSIBLE = {
    "payment_method_required": "A payment is confirmed with a payment method; name one.",
    "payment_method_not_possible": "A top_up takes a payment method of type `card` or `bank`.",
    "application_fee_not_possible": "Of a wallet's payment that is captured by hand no application fee can be kept.",
}
_CREATE_REFUSALS = {
    "wallet_not_found": "No wallet of yours has the id given as `source_wallet`; GET /v1/wallets lists yours.",
    "currency_mismatch": "The account `destination_wallet` holds USD, not EUR.",
    "same_wallet": "The destination wallet is the source wallet; name another one.",
    "source_required": SOURCE_REQUIRED,
    "destination_required": DESTINATION_REQUIRED,
    "wallet_not_possible": "A payout goes to the bank account of `payment_method`. Leave `destination_wallet` out.",
    "capture_method_not_possible": "A payout is not captured by hand.",
    **NOT_POSSIBLE,
    **DECLINES,
}
WRONG_AMOUNT = ("body/amount", "Input should be greater than 0")


@router.post(
    "",
    status_code=CREATED,
    response_model=None,
    summary="Create a payment intent, and confirm it",
    responses={
        CREATED: success(
            PaymentIntent,
            "Created; with `confirm` the payment has succeeded, or waits as `status` says",
            EXAMPLE,
            LOCATION,
        ),
        FOLLOWS: success(PaymentIntent, "Recorded; follow the operation at `Location`", PROCESSING, LOCATION),
        **problems(
            _CREATE_REFUSALS, asks="wallet", scope="payments", wrong_body=WRONG_AMOUNT, command=True, cards=True
        ),
    },
)
async def create_payment_intent(
    body: Annotated[NewPaymentIntent, Body(openapi_examples=REQUESTS)],
    caller: PaymentsCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
    pseudonyms: PseudonymsDep,
) -> Response:
    """Create a payment intent; with `confirm: true` wait for its outcome. A decline is a 402 that embeds the intent.

    A large one needs a payer who has authenticated lately: `401 insufficient_user_authentication` embeds the intent;
    authenticate again (`POST /v1/sessions/step_up`), and confirm it.

    Money goes from a wallet of yours or through a processor to anybody's wallet, by card or bank into a wallet of yours
    (`direction: top_up`), or out of one to a bank account (`direction: payout`).
    """
    source, merchant = await check_ends(body, caller, parts, context)
    intent_id = new_id()
    command = CreatePaymentIntent.model_construct(
        payment_intent_id=intent_id,
        customer=caller.user,
        merchant=merchant,
        direction=body.direction,
        source_wallet=source,
        destination_wallet=body.destination_wallet,
        payment_method=said(body.payment_method),
        amount=body.amount,
        currency=body.currency,
        capture_method=body.capture_method,
        application_fee=body.application_fee,
        description=body.description,
        statement_descriptor=body.statement_descriptor,
        metadata=body.metadata,
        return_url=body.return_url,
        country=body.country,
        confirm=body.confirm,
        authenticated_at=authenticated_at(caller),
        device=pseudonyms.device,
        address=pseudonyms.address,
        beneficiary=body.beneficiary,
        idempotency=headers.idempotency(caller.user, "create_payment_intent", body),
    )
    return await carry_out(command, CREATED, headers.preferences, parts, context)


@router.get(
    "",
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List payment intents",
    responses={
        DONE: success(
            PaymentIntentPage, "Payment intents, newest first", {"payment_intents": [EXAMPLE], "next_before": None}
        ),
        **problems(asks="payments", scope="payments"),
    },
)
async def list_payment_intents(
    filters: Annotated[PaymentIntentFilters, Query()], caller: PaymentsCaller, parts: PartsDep, context: ContextDep
) -> Response:
    """List the payment intents of which you are customer or merchant, newest first; every filter given must hold.

    `metadata[order]=4711` finds those with this pair.
    """
    query = ListPaymentIntents.model_construct(party=caller.user, **dict(filters))
    return json_response({"next_before": None} | dict(await parts.queries.ask(query, context)))


@router.get(
    "/{payment_intent_id}",
    response_model=None,
    summary="Read a payment intent",
    responses={
        DONE: success(PaymentIntent, "The payment intent", EXAMPLE),
        **problems(UNKNOWN, asks="payments", scope="payments"),
    },
)
async def get_payment_intent(
    payment_intent_id: UUID, caller: PaymentsCaller, parts: PartsDep, context: ContextDep
) -> Response:
    """Read a payment intent of which you are customer or merchant."""
    check_id(payment_intent_id)
    query = GetPaymentIntent.model_construct(id=payment_intent_id, customer=caller.user)
    return json_response(await parts.queries.ask(query, context))


@router.post(
    "/{payment_intent_id}",
    response_model=None,
    summary="Change a payment intent",
    responses={
        DONE: success(PaymentIntent, "Changed", UNCONFIRMED),
        **problems(
            UNKNOWN | UNEXPECTED_STATE | NOT_YOUR_WALLET | NOT_POSSIBLE,
            asks="wallet",
            scope="payments",
            wrong_body=WRONG_AMOUNT,
            command=True,
            cards=True,
        ),
    },
)
async def update_payment_intent(
    payment_intent_id: UUID,
    body: PaymentIntentChange,
    caller: PaymentsCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
) -> Response:
    """Change a payment intent of yours that was not confirmed yet, or was declined."""
    check_id(payment_intent_id)
    await check_method(body.payment_method, caller, parts, context)
    changes = body.changes()
    command = UpdatePaymentIntent.model_construct(
        payment_intent_id=payment_intent_id,
        customer=caller.user,
        **changes,
        idempotency=headers.idempotency(caller.user, "update_payment_intent", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


def check_id(intent_id: UUID, parameter: str = "payment_intent_id") -> None:
    """Raise ProblemError `payment_intent_not_found` for an id that no payment intent can have."""
    if not is_ours(intent_id):
        raise ProblemError("payment_intent_not_found", UNKNOWN["payment_intent_not_found"], parameter=parameter)
