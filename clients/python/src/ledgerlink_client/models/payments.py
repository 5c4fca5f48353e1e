"""Payment intents, refunds and disputes. Amounts are whole minor units (cents)."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field

from ledgerlink_client.models.resource import Known, Metadata, Problem, Resource


class PaymentStatus(StrEnum):
    """Where a payment intent stands; `succeeded` and `canceled` are final."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class Direction(StrEnum):
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
    """What may be asked of a payment intent."""

    UPDATE = "update"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


class MethodShown(Resource):
    """What a payment is paid with: a `wallet`, a `card` or a `bank` account; never its token."""

    type: str
    wallet: UUID | None = None


class NextAction(Resource):
    """What must happen before the payment goes on: the customer goes to `url`, or an analyst decides."""

    type: str
    url: str | None = None


class PaymentIntent(Resource):
    """A payment, as its customer and its merchant see it. `allowed_operations` is what its state allows now."""

    id: UUID
    customer: UUID
    merchant: UUID | None = None
    direction: Known[Direction] = Direction.PAYMENT
    source_wallet: UUID | None = None
    destination_wallet: UUID | None = None
    payment_method: MethodShown | None = None
    processor: str | None = None
    amount: int
    currency: str
    amount_capturable: int = 0
    amount_captured: int = 0
    amount_refunded: int = 0
    amount_disputed: int = 0
    capture_method: Known[CaptureMethod] = CaptureMethod.AUTOMATIC
    application_fee: int = 0
    description: str | None = None
    statement_descriptor: str | None = None
    metadata: Metadata | None = None
    status: Known[PaymentStatus]
    next_action: NextAction | None = None
    allowed_operations: list[Known[PaymentOperation]] = Field(default_factory=list)
    transfer_id: UUID | None = None
    last_payment_error: Problem | None = None
    cancellation_reason: Known[CancellationReason] | None = None
    capture_before: datetime | None = None
    created_at: datetime
    updated_at: datetime


class PaymentEvent(Resource):
    """Something that happened to a payment intent: `id` is the number of its hop, `data` what a webhook has."""

    id: str
    type: str
    data: dict[str, Any]


class RefundStatus(StrEnum):
    """Where a refund stands; `pending` may still become either."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundReason(StrEnum):
    """Why money goes back."""

    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    REQUESTED_BY_CUSTOMER = "requested_by_customer"


class Refund(Resource):
    """Money on its way back to where it came from."""

    id: UUID
    payment_intent: UUID
    amount: int
    currency: str
    reason: Known[RefundReason] | None = None
    metadata: Metadata | None = None
    status: Known[RefundStatus]
    failure: Problem | None = None
    created_at: datetime
    updated_at: datetime


class DisputeStatus(StrEnum):
    """Where a dispute stands; `won` and `lost` are final."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class Dispute(Resource):
    """A contested payment; `funds` is where its money is."""

    id: UUID
    payment_intent: UUID
    processor: str
    amount: int
    currency: str
    reason: str
    status: Known[DisputeStatus]
    funds: str
    evidence: dict[str, str] | None = None
    evidence_due_by: datetime | None = None
    created_at: datetime
    updated_at: datetime
