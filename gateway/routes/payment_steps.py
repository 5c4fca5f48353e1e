"""What moves a payment intent on: confirm it, capture what is authorised, or give it up."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from contracts.payments import (
    CancellationReason,
    CancelPaymentIntent,
    CapturePaymentIntent,
    ConfirmPaymentIntent,
    PaymentIntent,
)
from gateway.card_numbers import CardlessRoute
from gateway.dependencies import CommandHeadersDep, ContextDep, PartsDep, PaymentsCaller
from gateway.openapi import problems, success
from gateway.outcomes import DONE, FOLLOWS, carry_out
from gateway.payment_bodies import NO_METHOD, Cancellation, Confirmation, IntentCapture, said
from gateway.payment_wallets import check_method
from gateway.pseudonyms import PseudonymsDep
from gateway.routes.payment_intents import (
    DECLINES,
    EXAMPLE,
    LOCATION,
    NOT_POSSIBLE,
    NOT_YOUR_WALLET,
    PREFIX,
    PROCESSING,
    UNEXPECTED_STATE,
    UNKNOWN,
    WRONG_AMOUNT,
    check_id,
)
from gateway.step_up import authenticated_at

router = APIRouter(route_class=CardlessRoute, prefix=PREFIX, tags=["payments"])

AS_BEFORE, WHOLE_CAPTURE, NO_REASON = Confirmation(), IntentCapture(), Cancellation()
_MANUAL = {k: v for k, v in EXAMPLE.items() if k != "transfer_id"} | {"capture_method": "manual"}
_CAPTURED_IN_PART = _MANUAL | {
    "status": "requires_capture",
    "amount_capturable": 500,
    "amount_captured": 750,
    "allowed_operations": ["capture", "cancel", "refund"],
    "capture_before": "2026-01-12T09:32:00.000000Z",
}
_CANCELED = _MANUAL | {
    "status": "canceled",
    "amount_captured": 0,
    "cancellation_reason": "requested_by_customer",
    "allowed_operations": [],
}
_FOLLOWS = success(PaymentIntent, "Recorded; follow the operation at `Location`", PROCESSING, LOCATION)
_TOO_MUCH = {"amount_exceeds_capturable": "Less than that is authorised and not captured yet."}
_WRONG_METHOD = ("body/payment_method", NO_METHOD)
_WRONG_REASON = ("body/cancellation_reason", "Input should be 'duplicate', 'fraudulent' or 'requested_by_customer'")


@router.post(
    "/{payment_intent_id}/confirm",
    response_model=None,
    summary="Confirm a payment intent",
    responses={
        DONE: success(PaymentIntent, "The payment has succeeded, or waits as `status` and `next_action` say", EXAMPLE),
        FOLLOWS: _FOLLOWS,
        **problems(
            UNKNOWN | UNEXPECTED_STATE | NOT_YOUR_WALLET | NOT_POSSIBLE | DECLINES,
            asks="wallet",
            scope="payments",
            wrong_body=_WRONG_METHOD,
            command=True,
            cards=True,
        ),
    },
)
async def confirm_payment_intent(
    payment_intent_id: UUID,
    caller: PaymentsCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
    pseudonyms: PseudonymsDep,
    body: Confirmation = AS_BEFORE,
) -> Response:
    """Set a payment of yours going, or try it again after a decline, perhaps with another payment method.

    A payment that waits for its customer says so by `status: requires_action` and `next_action`.
    """
    check_id(payment_intent_id)
    await check_method(body.payment_method, caller, parts, context)
    command = ConfirmPaymentIntent.model_construct(
        payment_intent_id=payment_intent_id,
        customer=caller.user,
        payment_method=said(body.payment_method),
        return_url=body.return_url,
        authenticated_at=authenticated_at(caller),
        device=pseudonyms.device,
        address=pseudonyms.address,
        beneficiary=body.beneficiary,
        idempotency=headers.idempotency(caller.user, "confirm_payment_intent", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{payment_intent_id}/capture",
    response_model=None,
    summary="Capture what is authorised",
    responses={
        DONE: success(PaymentIntent, "Captured; what is left of it is in `amount_capturable`", _CAPTURED_IN_PART),
        FOLLOWS: _FOLLOWS,
        **problems(
            UNKNOWN | UNEXPECTED_STATE | _TOO_MUCH,
            scope="payments",
            wrong_body=WRONG_AMOUNT,
            command=True,
        ),
    },
)
async def capture_payment_intent(
    payment_intent_id: UUID,
    caller: PaymentsCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
    body: IntentCapture = WHOLE_CAPTURE,
) -> Response:
    """Take what a customer's payment has authorised, all of it or `amount`; only the merchant may.

    What then remains is released, unless `final_capture` is false.
    """
    check_id(payment_intent_id)
    command = CapturePaymentIntent.model_construct(
        payment_intent_id=payment_intent_id,
        merchant=caller.user,
        amount=body.amount,
        final=body.final_capture,
        idempotency=headers.idempotency(caller.user, "capture_payment_intent", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)


@router.post(
    "/{payment_intent_id}/cancel",
    response_model=None,
    summary="Cancel a payment intent",
    responses={
        DONE: success(PaymentIntent, "Canceled; what was authorised is released", _CANCELED),
        FOLLOWS: _FOLLOWS,
        **problems(UNKNOWN | UNEXPECTED_STATE, scope="payments", wrong_body=_WRONG_REASON, command=True),
    },
)
async def cancel_payment_intent(
    payment_intent_id: UUID,
    caller: PaymentsCaller,
    headers: CommandHeadersDep,
    parts: PartsDep,
    context: ContextDep,
    body: Cancellation = NO_REASON,
) -> Response:
    """Give a payment up before its money has moved; customer and merchant may.

    After a capture in part only the rest is released, and the payment has succeeded.
    """
    check_id(payment_intent_id)
    command = CancelPaymentIntent.model_construct(
        payment_intent_id=payment_intent_id,
        asked_by=caller.user,
        reason=body.cancellation_reason and CancellationReason(body.cancellation_reason),
        idempotency=headers.idempotency(caller.user, "cancel_payment_intent", body),
    )
    return await carry_out(command, DONE, headers.preferences, parts, context)
