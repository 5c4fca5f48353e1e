"""A dispute as the rules see it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.payments import DisputeFunds, DisputeStatus


@dataclass(frozen=True, slots=True)
class Dispute:
    """A contested payment. `amount` is what the customer's bank claims, `contested` the part of it that is still there.

    `reference` is the processor's name for it. `asked_by` is the address of the command that waits for the evidence to
    be taken, None when nobody does.
    """

    id: UUID
    intent_id: UUID
    merchant: UUID
    customer: UUID
    processor: str
    reference: str
    amount: int
    contested: int
    currency: str
    reason: str
    status: DisputeStatus
    funds: DisputeFunds
    created_at: datetime
    updated_at: datetime
    hold_id: UUID | None = None
    evidence: dict[str, str] | None = None
    evidence_due_by: datetime | None = None
    asked_by: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it was won or lost."""
        return self.status in (DisputeStatus.WON, DisputeStatus.LOST)

    @property
    def beyond(self) -> int:
        """The part of the claim that is no longer there; who loses has it taken by the processor all the same."""
        return self.amount - self.contested
