"""Writes a batch of payments as they stand after their steps."""

from collections.abc import Sequence
from uuid import UUID

from apps.payments.domain.deciding import Payment
from apps.payments.handlers.batch import Batch
from apps.payments.store import disputes, intents, operations, refunds
from outbox.transaction import Transaction


async def save(tx: Transaction, batch: Batch) -> None:
    """Write all that is new or changed, in the order that the database's guards ask for.

    What a client says of a payment changes before it is confirmed. What is settled makes room for what is asked next.
    """
    changed = batch.changed()
    before = batch.before
    await intents.insert(tx, [p.intent for p in changed if p.intent.id not in before])
    known = [p for p in changed if p.intent.id in before]
    await intents.update_details(tx, [p.intent for p in known if _says_otherwise(before[p.intent.id], p)])
    await intents.update(tx, [p.intent for p in known if p.intent is not before[p.intent.id].intent])
    await _save_operations(tx, batch)
    await _save_parts(tx, known, before)
    if any(o.next_at is not None and not o.in_ledger for o in batch.operations.values()):
        tx.wake("processors")


def _says_otherwise(before: Payment, after: Payment) -> bool:
    return before.intent.method is not after.intent.method or (
        intents.details_of(before.intent) != intents.details_of(after.intent)
    )


async def _save_operations(tx: Transaction, batch: Batch) -> None:
    if not batch.operations:
        return
    known = {identifier for payment in batch.before.values() for identifier in payment.operations}
    await operations.update(tx, [o for o in batch.operations.values() if o.id in known])
    await operations.insert(tx, [o for o in batch.operations.values() if o.id not in known])


async def _save_parts(tx: Transaction, known: Sequence[Payment], before: dict[UUID, Payment]) -> None:
    """Write refunds and disputes; only a payment that was there can have any."""
    new_refunds, moved_refunds, new_disputes, moved_disputes = [], [], [], []
    for payment in known:
        found = before[payment.intent.id]
        for refund in payment.refunds.values():
            if refund.id not in found.refunds:
                new_refunds.append(refund)
            elif refund is not found.refunds[refund.id]:
                moved_refunds.append(refund)
        for dispute in payment.disputes.values():
            if dispute.id not in found.disputes:
                new_disputes.append(dispute)
            elif dispute is not found.disputes[dispute.id]:
                moved_disputes.append(dispute)
    await refunds.insert(tx, new_refunds)
    await refunds.update(tx, moved_refunds)
    await disputes.insert(tx, new_disputes)
    await disputes.update(tx, moved_disputes)
