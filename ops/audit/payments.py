"""Proves the payments: none sticks, and the ledger has what they say and asked for, and no more."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import UUID

from apps.payments.audit import audit as audit_payments
from apps.payments.domain.agreement import Known, difference, ids_to_ask, sums_difference
from apps.payments.domain.operations import Operation
from apps.payments.store import ledger_checks
from apps.wallet.audit.transfers import load_referenced
from apps.wallet.audit.walk import Finding
from apps.wallet.queries.effects import load_effects
from outbox.database import Reads

STUCK_AFTER = timedelta(minutes=10)
_SLICE = 1000


async def count_payments(payments: Reads) -> tuple[dict[str, int], list[Finding]]:
    """Return how many payments stand where, and those that stick."""
    audited = await audit_payments(payments, STUCK_AFTER)
    claim = f"nothing has moved it for {STUCK_AFTER}, although it is processing"
    stuck = [Finding(f"payment intent {intent.id}", claim) for intent in audited.stuck]
    return {state.value: count for state, count in audited.by_state.items()}, stuck


async def prove_effects(payments: Reads, ledger: Reads) -> AsyncIterator[tuple[int, list[Finding]]]:
    """Compare payments with their operations, and those with the ledger; yield how many, and what was found.

    The ledger is read after the payments, so that what was carried out for them is there.
    """
    after = UUID(int=0)
    while ids := await ledger_checks.load_intents(payments, after, _SLICE):
        wrong = {sums.intent_id: sums_difference(sums) for sums in await ledger_checks.load_sums(payments, ids)}
        operations = await ledger_checks.load_settled_of(payments, ids)
        findings = [_finding(intent, claim) for intent, claim in wrong.items() if claim]
        yield len(ids), findings + await _differences(operations, ledger)
        after = ids[-1]


async def prove_single_effects(ledger: Reads, payments: Reads) -> AsyncIterator[tuple[int, list[Finding]]]:
    """Look for transfers that are for a payment and that it did not ask for; yield how many, and what was found.

    The payments are read after the ledger, so that what was posted had been asked for by then.
    """
    after = 0
    while rows := await load_referenced(ledger, after, _SLICE):
        posted = {row["id"]: (row["id"], row["journal_id"] or row["id"], row["reference"]) for row in rows}
        unasked = await ledger_checks.load_unasked(payments, list(posted.values()))
        claim = "it is for a payment, refund or dispute that did not ask for it"
        yield len(rows), [Finding(f"transfer {identifier}", claim) for identifier in posted if identifier in unasked]
        after = rows[-1]["sequence"]


async def _differences(operations: Sequence[Operation], ledger: Reads) -> list[Finding]:
    asked = {identifier for operation in operations for identifier in ids_to_ask(operation)}
    if not asked:
        return []
    known = Known.of(await load_effects(ledger, list(asked)))
    return [_finding(o.intent_id, claim) for o in operations if (claim := difference(o, known))]


def _finding(intent: UUID, claim: str) -> Finding:
    return Finding(f"payment intent {intent}", claim)
