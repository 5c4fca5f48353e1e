"""Give up on payments that risk left unanswered past their deadline: nothing was moved yet, so nothing is undone."""

from apps.payments import store
from apps.payments.domain.advancing import Signal, advance_all
from apps.payments.domain.intents import Intent
from apps.payments.domain.payment_errors import RISK_TIMED_OUT
from apps.payments.domain.transitions import Trigger
from apps.payments.handlers.conclusions import asked_by, conclude
from outbox.transaction import Transaction

BATCH = 500


async def expire_assessments(tx: Transaction) -> None:
    """End the attempts whose deadline has passed, at most `BATCH` of them; what is left over comes next time."""
    overdue = {intent.id: intent for intent in await store.lock_overdue(tx, tx.now, BATCH)}
    signals = [
        Signal(intent.id, Trigger.RISK_TIMED_OUT, intent.current.assessment_id, RISK_TIMED_OUT)
        for intent in overdue.values()
    ]
    expired = [intent for intent in advance_all(overdue, signals, tx.now) if isinstance(intent, Intent)]
    await store.update(tx, expired)
    for intent in expired:
        conclude(tx, intent, asked_by(intent))
