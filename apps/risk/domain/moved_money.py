"""Money that has moved, as payments tell: where risk did not approve it, an answer at the deadline has."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from contracts.payments import PaymentIntent


class Moved(NamedTuple):
    """What of a payment has reached its destination, when the attempt was over; by the millisecond, as ids are."""

    payment_intent_id: UUID
    at: datetime
    amount: int


def moved(intent: PaymentIntent) -> Moved | None:
    """Return what has moved by the attempt that a payment's end tells of, None if nothing."""
    if not intent.amount_captured:
        return None
    at = intent.updated_at.astimezone(UTC)
    return Moved(intent.id, at.replace(microsecond=at.microsecond // 1000 * 1000), intent.amount_captured)
