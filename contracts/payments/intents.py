"""Payment intents: money on its way into a wallet (card or bank), across (wallet to wallet) or out (to a bank)."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, Problem, command, event, query
from contracts.money import Amount, Currency
from contracts.payments.methods import MethodShown, NextAction, PaymentMethod, ProcessorName
from contracts.wallet import Metadata

PAGE_LIMIT = 100
_NO_NUL = "^[^\x00]*$"
Description = Annotated[str, Field(max_length=500, pattern=_NO_NUL)]
StatementDescriptor = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z][A-Za-z0-9 .,&*_/+-]{4,21}$",
        description="What the customer's statement shows: a letter, then 4 to 21 letters, digits and . , & * _ / + -",
        examples=["LEDGERLINK SHOP"],
    ),
]
Pseudonym = Annotated[str, Field(pattern="^[0-9a-f]{32}$", description="A keyed hash that the gateway has made")]
Beneficiary = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_NUL)]
Fee = Annotated[int, Field(ge=0, le=1_000_000_000_000, description="What the platform keeps of it, minor units")]


class PaymentStatus(StrEnum):
    """The public life cycle of a payment intent, in Stripe's terms."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class PaymentDirection(StrEnum):
    """Where the money goes: to somebody else's wallet, into one's own, or out of it to a bank."""

    PAYMENT = "payment"
    TOP_UP = "top_up"
    PAYOUT = "payout"


class CaptureMethod(StrEnum):
    """Whether an authorised payment is captured at once, or when the merchant says so."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class CancellationReason(StrEnum):
    """Why a payment was canceled; `expired` and `abandoned` are the system's own."""

    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    REQUESTED_BY_CUSTOMER = "requested_by_customer"
    ABANDONED = "abandoned"
    EXPIRED = "expired"


class PaymentOperation(StrEnum):
    """What a client may ask of a payment intent."""

    UPDATE = "update"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


class PaymentIntent(Message):
    """A payment, as its customer and its merchant see it.

    `amount_capturable` is authorised and not captured yet, `amount_captured` has reached the destination,
    `amount_refunded` has gone back, `amount_disputed` is contested or lost. `allowed_operations` is what its state
    allows now.
    """

    id: UUID7
    customer: UUID7
    merchant: UUID7 | None = None
    direction: PaymentDirection = PaymentDirection.PAYMENT
    source_wallet: UUID7 | None = None
    destination_wallet: UUID7 | None = None
    payment_method: MethodShown | None = None
    processor: ProcessorName | None = None
    amount: Amount
    currency: Currency
    amount_capturable: int = 0
    amount_captured: int = 0
    amount_refunded: int = 0
    amount_disputed: int = 0
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    application_fee: Fee = 0
    description: str | None = None
    statement_descriptor: str | None = None
    metadata: Metadata | None = None
    status: PaymentStatus
    next_action: NextAction | None = None
    allowed_operations: list[PaymentOperation] = Field(default_factory=list)
    transfer_id: UUID7 | None = None
    last_payment_error: Problem | None = None
    cancellation_reason: CancellationReason | None = None
    capture_before: AwareDatetime | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class PaymentIntentPage(Message):
    """Payment intents, newest first; `next_before` continues after them, and is None at the end.

    A page looks at a bounded number of intents. Before the end it may hold fewer than were asked for, even none.
    """

    payment_intents: list[PaymentIntent]
    next_before: UUID7 | None = None


@command("payments", "create_payment_intent", senders=("gateway",), answer=PaymentIntent)
class CreatePaymentIntent(Message):
    """Create a payment intent and, with `confirm`, set it going.

    `customer` is who asks and pays; `merchant` who owns the destination wallet, as the gateway found. A `source_wallet`
    without a payment method is a payment method of type wallet. `authenticated_at` is when the customer last proved who
    they are, where it is not a program that asks. What is confirmed at once says to risk from which `device` and
    `address` it comes, and who is the `beneficiary` of a payout: nobody keeps these with the payment.
    """

    payment_intent_id: UUID7
    customer: UUID7
    merchant: UUID7 | None = None
    direction: PaymentDirection = PaymentDirection.PAYMENT
    source_wallet: UUID7 | None = None
    destination_wallet: UUID7 | None = None
    payment_method: PaymentMethod | None = None
    amount: Amount
    currency: Currency
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    application_fee: Fee = 0
    description: Description | None = None
    statement_descriptor: StatementDescriptor | None = None
    metadata: Metadata | None = None
    return_url: Annotated[str, Field(max_length=2000)] | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    confirm: bool = False
    authenticated_at: AwareDatetime | None = None
    device: Pseudonym | None = None
    address: Pseudonym | None = None
    beneficiary: Beneficiary | None = None
    idempotency: Idempotency


@command("payments", "update_payment_intent", senders=("gateway",), answer=PaymentIntent)
class UpdatePaymentIntent(Message):
    """Change an intent that was not confirmed yet, or was declined. What is None stays; metadata is replaced whole."""

    payment_intent_id: UUID7
    customer: UUID7
    amount: Amount | None = None
    payment_method: PaymentMethod | None = None
    application_fee: Fee | None = None
    description: Description | None = None
    statement_descriptor: StatementDescriptor | None = None
    metadata: Metadata | None = None
    idempotency: Idempotency


@command("payments", "confirm_payment_intent", senders=("gateway",), answer=PaymentIntent)
class ConfirmPaymentIntent(Message):
    """Set a payment going, or try it again after a decline, perhaps with another payment method.

    `device`, `address` and `beneficiary` are for risk, as where a payment is confirmed when it is created.
    """

    payment_intent_id: UUID7
    customer: UUID7
    payment_method: PaymentMethod | None = None
    return_url: Annotated[str, Field(max_length=2000)] | None = None
    authenticated_at: AwareDatetime | None = None
    device: Pseudonym | None = None
    address: Pseudonym | None = None
    beneficiary: Beneficiary | None = None
    idempotency: Idempotency


@command("payments", "capture_payment_intent", senders=("gateway",), answer=PaymentIntent)
class CapturePaymentIntent(Message):
    """Take `amount` of what is authorised (None: all of it); the rest is released unless `final` is false.

    `merchant` is who asks: only the owner of the destination wallet may capture.
    """

    payment_intent_id: UUID7
    merchant: UUID7
    amount: Amount | None = None
    final: bool = True
    idempotency: Idempotency


@command("payments", "cancel_payment_intent", senders=("gateway",), answer=PaymentIntent)
class CancelPaymentIntent(Message):
    """Give a payment up before its money has moved; what is authorised and not captured is released.

    `asked_by` is the customer or the merchant.
    """

    payment_intent_id: UUID7
    asked_by: UUID7
    reason: CancellationReason | None = None
    idempotency: Idempotency


@event("payments", "payment_intent.created")
class PaymentIntentCreated(Message):
    """A payment intent exists."""

    payment_intent: PaymentIntent


@event("payments", "payment_intent.processing")
class PaymentIntentProcessing(Message):
    """A payment is on its way."""

    payment_intent: PaymentIntent


@event("payments", "payment_intent.requires_action")
class PaymentIntentRequiresAction(Message):
    """A payment waits for its customer or for an analyst; `next_action` says for whom."""

    payment_intent: PaymentIntent


@event("payments", "payment_intent.amount_capturable_updated")
class PaymentIntentAmountCapturableUpdated(Message):
    """A payment is authorised, or was captured in part: `amount_capturable` can be captured."""

    payment_intent: PaymentIntent


@event("payments", "payment_intent.succeeded")
class PaymentIntentSucceeded(Message):
    """A payment has its ledger effects."""

    payment_intent: PaymentIntent


@event("payments", "payment_intent.payment_failed")
class PaymentIntentFailed(Message):
    """An attempt was declined; the intent can be confirmed again. `last_payment_error` says why."""

    payment_intent: PaymentIntent


@event("payments", "payment_intent.canceled")
class PaymentIntentCanceled(Message):
    """A payment was given up; `cancellation_reason` says why."""

    payment_intent: PaymentIntent


@query("payments", "get_payment_intent", senders=("gateway",), answer=PaymentIntent)
class GetPaymentIntent(Message):
    """Read one payment intent of a customer or merchant. Refused with `payment_intent_not_found`."""

    id: UUID7
    customer: UUID7


@query("payments", "list_payment_intents", senders=("gateway",), answer=PaymentIntentPage)
class ListPaymentIntents(Message):
    """Read the payment intents of which `party` is customer or merchant, newest first, those older than `before`.

    Every filter that is given must hold; `metadata` is pairs that an intent must have.
    """

    party: UUID7
    status: PaymentStatus | None = None
    direction: PaymentDirection | None = None
    customer: UUID7 | None = None
    currency: Currency | None = None
    amount_from: int | None = None
    amount_to: int | None = None
    created_from: AwareDatetime | None = None
    created_to: Annotated[AwareDatetime | None, Field(description="Exclusive")] = None
    metadata: Metadata | None = None
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20
