"""A payment intent as the rules see it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.payments.domain.transitions import State
from contracts.message import Problem


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to pay, counted from 1: the ids by which risk and the ledger speak of it, and who asked for it.

    `asked_by` is the address of the command to answer in the end; the rules pass it on unread.
    """

    number: int
    assessment_id: UUID
    transfer_id: UUID
    asked_by: str


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment of `amount` minor units from one wallet to another; `attempt` is the current or last try.

    `deadline_at` is the end of the current wait, where it has one.
    """

    id: UUID
    customer: UUID
    source_wallet: UUID
    destination_wallet: UUID
    amount: int
    currency: str
    description: str | None
    state: State
    attempt: Attempt | None
    last_payment_error: Problem | None
    deadline_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def current(self) -> Attempt:
        """The current or last attempt. Raises ValueError before the first confirmation."""
        if self.attempt is None:
            raise ValueError(f"payment intent {self.id} was never confirmed")
        return self.attempt
