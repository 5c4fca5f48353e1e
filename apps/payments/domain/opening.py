"""What a new payment intent must fulfil, and how it starts."""

from datetime import datetime

from apps.payments.domain.intents import Intent
from apps.payments.domain.transitions import State
from contracts.message import Problem
from contracts.payments import CreatePaymentIntent

SAME_WALLET = Problem(
    code="same_wallet",
    detail="The destination wallet is the source wallet; name another one.",
    parameter="destination_wallet",
)
ID_TAKEN = Problem(
    code="payment_intent_exists",
    detail="There is a payment intent with this id already; choose a new id.",
    parameter="payment_intent_id",
)


def open_intent(asked: CreatePaymentIntent, now: datetime) -> Intent | Problem:
    """Return the intent that waits for its confirmation, or why there is none."""
    if asked.source_wallet == asked.destination_wallet:
        return SAME_WALLET
    return Intent(
        id=asked.payment_intent_id,
        customer=asked.customer,
        source_wallet=asked.source_wallet,
        destination_wallet=asked.destination_wallet,
        amount=asked.amount,
        currency=asked.currency,
        description=asked.description,
        state=State.REQUIRES_CONFIRMATION,
        attempt=None,
        last_payment_error=None,
        deadline_at=None,
        created_at=now,
        updated_at=now,
    )
