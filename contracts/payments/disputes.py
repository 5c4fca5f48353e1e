"""Disputes: a customer's bank takes a payment back, unless the merchant's evidence convinces it."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, command, event, query
from contracts.money import Amount, Currency
from contracts.payments.intents import PAGE_LIMIT
from contracts.payments.methods import ProcessorName


class DisputeStatus(StrEnum):
    """Where a dispute stands; won and lost are final."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class DisputeFunds(StrEnum):
    """Where the contested money is: being held back, held, taken for good, returned; or the wallet did not have it."""

    HOLDING = "holding"
    HELD = "held"
    UNFUNDED = "unfunded"
    SETTLING = "settling"
    TAKEN = "taken"
    RETURNED = "returned"


Evidence = Annotated[
    dict[Annotated[str, Field(pattern="^[a-z_]{1,40}$")], Annotated[str, Field(max_length=5000, pattern="^[^\x00]*$")]],
    Field(min_length=1, max_length=20, examples=[{"shipping_tracking_number": "1Z999AA10123456784"}]),
]


class Dispute(Message):
    """A contested payment. Money is held back on the merchant's wallet until it is won or lost."""

    id: UUID7
    payment_intent: UUID7
    processor: ProcessorName
    amount: Amount
    currency: Currency
    reason: str
    status: DisputeStatus
    funds: DisputeFunds
    evidence: Evidence | None = None
    evidence_due_by: AwareDatetime | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class DisputePage(Message):
    """Disputes, newest first; `next_before` continues after them, and is None at the end.

    A page looks at a bounded number of disputes. Before the end it may hold fewer than were asked for, even none.
    """

    disputes: list[Dispute]
    next_before: UUID7 | None = None


@command("payments", "submit_evidence", senders=("gateway",), answer=Dispute)
class SubmitEvidence(Message):
    """Answer a dispute, once. Only the payment's merchant may."""

    dispute_id: UUID7
    merchant: UUID7
    evidence: Evidence
    idempotency: Idempotency


@event("payments", "dispute.opened")
class DisputeOpened(Message):
    """A payment is contested."""

    dispute: Dispute


@event("payments", "dispute.updated")
class DisputeUpdated(Message):
    """A dispute moved on: evidence was submitted, or money was held back."""

    dispute: Dispute


@event("payments", "dispute.closed")
class DisputeClosed(Message):
    """A dispute was won or lost."""

    dispute: Dispute


@query("payments", "get_dispute", senders=("gateway",), answer=Dispute)
class GetDispute(Message):
    """Read one dispute of a payment of the party's. Refused with `dispute_not_found`."""

    id: UUID7
    party: UUID7


@query("payments", "list_disputes", senders=("gateway",), answer=DisputePage)
class ListDisputes(Message):
    """Read disputes of the party's payments (or of one), newest first, those older than `before`."""

    party: UUID7
    payment_intent: UUID7 | None = None
    status: DisputeStatus | None = None
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20
