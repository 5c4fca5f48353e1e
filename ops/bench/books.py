"""After a run: whether the books balance, and every payment that was answered stands in them exactly once."""

from datetime import timedelta

import asyncpg

from apps.payments.audit import audit as audit_payments
from apps.payments.domain.transitions import State
from apps.wallet.audit import audit as audit_ledger
from ops.stack.stack import Stack
from outbox.database import Reads

CONNECT_SECONDS = 5.0
STUCK_AFTER = timedelta(seconds=1)
_PAYMENT_TRANSFERS = "SELECT count(*) FROM transfer WHERE reference IS NOT NULL"


async def findings(stack: Stack, settled: int) -> list[str]:
    """Return what is wrong, empty when nothing is. `settled` is how many payments the clients saw succeed."""
    ledger = await asyncpg.connect(stack.parts.postgres.service_url("wallet"), timeout=CONNECT_SECONDS)
    payments = await asyncpg.connect(stack.parts.postgres.service_url("payments"), timeout=CONNECT_SECONDS)
    try:
        found = list((await audit_ledger(ledger)).findings)
        audited = await audit_payments(Reads(payments), STUCK_AFTER)
        succeeded = audited.by_state[State.SUCCEEDED]
        transfers = await ledger.fetchval(_PAYMENT_TRANSFERS)
    finally:
        ledger.terminate()
        payments.terminate()
    if audited.stuck:
        found.append(f"{len(audited.stuck)} payments are stuck")
    if succeeded < settled:
        found.append(f"{settled} payments were answered as succeeded, {succeeded} are")
    if succeeded != transfers:
        found.append(f"{succeeded} payments succeeded, {transfers} transfers were posted")
    return found


async def ledger_findings(url: str) -> list[str]:
    """Return what is wrong in the wallet's books at `url`, empty when nothing is."""
    ledger = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    try:
        return list((await audit_ledger(ledger)).findings)
    finally:
        ledger.terminate()
