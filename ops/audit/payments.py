"""Proves the payments: none sticks, and each that succeeded has its one transfer, each that failed none."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

from apps.payments.audit import audit as audit_payments
from apps.payments.domain.intents import Intent
from apps.payments.domain.transitions import State
from apps.payments.store import concluded_after, transfers_of
from apps.wallet.audit.transfers import load_referenced
from apps.wallet.audit.walk import Finding
from apps.wallet.domain.transfer import Posted
from apps.wallet.store.transfers import load_transfers
from outbox.database import Reads

STUCK_AFTER = timedelta(minutes=10)
_SLICE = 2000


async def count_payments(payments: Reads) -> tuple[dict[str, int], list[Finding]]:
    """Return how many payments stand where, and those that stick."""
    audited = await audit_payments(payments, STUCK_AFTER)
    claim = f"nothing has moved it for {STUCK_AFTER}, although it is processing"
    stuck = [Finding(f"payment intent {intent.id}", claim) for intent in audited.stuck]
    return {state.value: count for state, count in audited.by_state.items()}, stuck


async def prove_effects(payments: Reads, ledger: Reads) -> AsyncIterator[tuple[int, list[Finding]]]:
    """Compare payments that have come to an end with the ledger; yield how many at a time, and what was found.

    The ledger is read after the payments, so that what was posted for them is there.
    """
    after = UUID(int=0)
    while intents := await concluded_after(payments, after, _SLICE):
        posted = await load_transfers(ledger, [intent.current.transfer_id for intent in intents])
        found = [_fault(intent, posted.get(intent.current.transfer_id)) for intent in intents]
        yield len(intents), [finding for finding in found if finding]
        after = intents[-1].id


async def prove_single_effects(ledger: Reads, payments: Reads) -> AsyncIterator[tuple[int, list[Finding]]]:
    """Compare transfers that are for payments with them; yield how many at a time, and what was found.

    The payments are read after the ledger, so that what was posted is known by then.
    """
    after = 0
    while rows := await load_referenced(ledger, after, _SLICE):
        known = await transfers_of(payments, [row["reference"] for row in rows])
        yield (
            len(rows),
            [
                Finding(f"transfer {row['id']}", f"payment intent {row['reference']} is carried out by another one")
                for row in rows
                if known.get(row["reference"], row["id"]) != row["id"]
            ],
        )
        after = rows[-1]["sequence"]


def _fault(intent: Intent, posted: Posted | None) -> Finding | None:
    place = f"payment intent {intent.id}"
    if intent.state is not State.SUCCEEDED:
        claim = f"it failed, and transfer {intent.current.transfer_id} was posted for it"
        return Finding(place, claim) if posted else None
    if posted is None:
        return Finding(place, f"it succeeded, and its transfer {intent.current.transfer_id} is not in the ledger")
    paid = (posted.reference, posted.debit_account, posted.credit_account, posted.amount, posted.currency)
    if paid != (intent.id, intent.source_wallet, intent.destination_wallet, intent.amount, intent.currency):
        return Finding(place, f"transfer {intent.current.transfer_id} moved something else than it says")
    return None
