"""A refund as the rules see it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from contracts.message import Problem
from contracts.payments import RefundReason, RefundStatus


class Stage(StrEnum):
    """Where a refund stands; finer than its public status.

    What goes back through a processor is first reserved on the merchant's wallet, then refunded, then posted, or
    released when the processor declined. What goes back to a wallet is only posted.
    """

    RESERVING = "reserving"
    REFUNDING = "refunding"
    POSTING = "posting"
    RELEASING = "releasing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def public(self) -> RefundStatus:
        """The public status."""
        return RefundStatus.PENDING if self not in _ENDS else RefundStatus(self.value)


_ENDS = frozenset({Stage.SUCCEEDED, Stage.FAILED})


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back; `failure` says why it ended, or is about to end, without effect.

    `asked_by` is the address of the command that waits for its end, None when nobody does any more.
    """

    id: UUID
    intent_id: UUID
    merchant: UUID
    customer: UUID
    amount: int
    currency: str
    reason: RefundReason | None
    metadata: dict[str, str]
    stage: Stage
    created_at: datetime
    updated_at: datetime
    hold_id: UUID | None = None
    failure: Problem | None = None
    asked_by: str | None = None
