"""What follows for risk from what becomes of payments."""

from collections.abc import Sequence

from apps.risk.handlers import limits
from apps.risk.handlers.cases import close_cases
from apps.risk.handlers.limits import PaymentEnd
from contracts.message import Envelope
from contracts.payments import PaymentIntentCanceled
from outbox.transaction import Transaction


async def hear(tx: Transaction, events: Sequence[Envelope[PaymentEnd]]) -> None:
    """Let what ended without moving all of its money count no more than what has moved, and what waits for nothing end.

    Only a payment that is canceled leaves its review unasked; one that failed may be under review again by now.
    """
    await limits.free(tx, events)
    canceled = {e.data.payment_intent.id for e in events if isinstance(e.data, PaymentIntentCanceled)}
    if canceled:
        await close_cases(tx, canceled, "The payment was canceled.")
