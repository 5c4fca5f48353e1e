"""Messages of the payments service."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, Problem, command, event, query
from contracts.money import Amount, Currency


class PaymentStatus(StrEnum):
    """The public life cycle of a payment intent, in Stripe's terms."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"


class PaymentIntent(Message):
    """A payment from one wallet to another, as its customer sees it."""

    id: UUID7
    customer: UUID7
    source_wallet: UUID7
    destination_wallet: UUID7
    amount: Amount
    currency: Currency
    description: str | None = None
    status: PaymentStatus
    transfer_id: UUID7 | None = None
    last_payment_error: Problem | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


@command("payments", "create_payment_intent", senders=("gateway",), answer=PaymentIntent)
class CreatePaymentIntent(Message):
    """Create a payment intent and, with `confirm`, set it going."""

    payment_intent_id: UUID7
    customer: UUID7
    source_wallet: UUID7
    destination_wallet: UUID7
    amount: Amount
    currency: Currency
    description: Annotated[str, Field(max_length=500)] | None = None
    confirm: bool = False
    idempotency: Idempotency


@command("payments", "confirm_payment_intent", senders=("gateway",), answer=PaymentIntent)
class ConfirmPaymentIntent(Message):
    """Set a payment going, or try it again after a decline."""

    payment_intent_id: UUID7
    customer: UUID7
    idempotency: Idempotency


@event("payments", "payment_intent.succeeded")
class PaymentIntentSucceeded(Message):
    """A payment has its ledger effects."""

    payment_intent: PaymentIntent


@event("payments", "payment_intent.payment_failed")
class PaymentIntentFailed(Message):
    """An attempt was declined; the intent can be confirmed again. `last_payment_error` says why."""

    payment_intent: PaymentIntent


@query("payments", "get_payment_intent", senders=("gateway",), answer=PaymentIntent)
class GetPaymentIntent(Message):
    """Read one payment intent of a customer. Refused with `payment_intent_not_found`."""

    id: UUID7
    customer: UUID7
