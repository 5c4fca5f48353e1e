"""What follows for risk from what becomes of payments."""

from collections.abc import Sequence

from apps.risk.domain.limits import ended, latest
from apps.risk.domain.moved_money import moved
from apps.risk.handlers import limits
from apps.risk.handlers.cases import close_cases
from apps.risk.store import decisions, moved_payments
from contracts.message import Envelope
from contracts.payments import PaymentIntentCanceled, PaymentIntentFailed, PaymentIntentSucceeded
from outbox.transaction import Transaction

MOVED_MONEY = "moved money"
"""The worker that settles what has moved although risk did not approve it."""

PaymentEnd = PaymentIntentCanceled | PaymentIntentFailed | PaymentIntentSucceeded


async def hear(tx: Transaction, events: Sequence[Envelope[PaymentEnd]]) -> None:
    """Let what ended without moving all of its money count no more than what has moved, and not be reviewed.

    What has moved although risk did not approve it, or has yet to decide, is remembered until that is settled.
    """
    # Before the ends: those that are known now are of earlier attempts.
    if await moved_payments.remember(tx, [m for event in events if (m := moved(event.data.payment_intent))]):
        tx.wake(MOVED_MONEY)
    ends = [end for event in events if (end := ended(event.data.payment_intent))]
    if ends:
        await decisions.take_turn(tx)
        await limits.free(tx, ends)
        await close_cases(tx, latest(ends))
