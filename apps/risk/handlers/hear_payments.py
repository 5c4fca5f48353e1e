"""What follows for risk from what becomes of payments."""

from collections.abc import Sequence

from apps.risk.domain.limits import ended, latest
from apps.risk.handlers import limits
from apps.risk.handlers.cases import close_cases
from apps.risk.store import decisions
from contracts.message import Envelope
from contracts.payments import PaymentIntentCanceled, PaymentIntentFailed, PaymentIntentSucceeded
from outbox.transaction import Transaction

PaymentEnd = PaymentIntentCanceled | PaymentIntentFailed | PaymentIntentSucceeded


async def hear(tx: Transaction, events: Sequence[Envelope[PaymentEnd]]) -> None:
    """Let what ended without moving all of its money count no more than what has moved, and not be reviewed."""
    ends = [end for event in events if (end := ended(event.data.payment_intent))]
    if ends:
        await decisions.take_turn(tx)
        await limits.free(tx, ends)
        await close_cases(tx, latest(ends))
