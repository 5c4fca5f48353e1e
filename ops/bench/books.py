"""After a run: whether the books balance, and everything that was answered stands in them exactly once."""

import asyncio
from dataclasses import dataclass

import asyncpg

from apps.wallet.audit import audit as audit_ledger
from ops.audit.databases import Databases
from ops.audit.run import run_audit
from ops.read_only import read_only
from ops.stack.stack import Stack
from outbox.database import Reads

CONNECT_SECONDS = 5.0
REST_SECONDS = 30.0
POLL_SECONDS = 0.25
_UNDER_WAY = """
SELECT (SELECT count(*) FROM payment_intent WHERE state NOT IN ('succeeded', 'requires_payment_method'))
     + (SELECT count(*) FROM refund WHERE stage NOT IN ('succeeded', 'failed')) AS under_way
"""
_SUCCEEDED = """
SELECT (SELECT count(*) FROM payment_intent WHERE state = 'succeeded') AS payments,
       (SELECT count(*) FROM refund WHERE stage = 'succeeded') AS refunds
"""


@dataclass(frozen=True)
class Answered:
    """How many payments and refunds the clients saw succeed."""

    payments: int
    refunds: int


async def findings(stack: Stack, answered: Answered) -> list[str]:
    """Return what is wrong, empty when nothing is: what `ledgerlink audit` finds, what is not final, what is lost."""
    urls = [stack.parts.postgres.service_url(service) for service in ("wallet", "payments")]
    async with read_only(urls[1]) as connection:
        payments = Reads(connection)
        under_way = await _left_under_way(payments)
        (succeeded,) = await payments.fetch(_SUCCEEDED)
    audited = await run_audit(Databases(*urls))
    found = [f"{finding.place}: {finding.claim}" for finding in audited.findings]
    if under_way:
        found.append(f"{under_way} payments and refunds are not final after {REST_SECONDS:g} s")
    for what, number in (("payments", answered.payments), ("refunds", answered.refunds)):
        if succeeded[what] < number:
            found.append(f"{number} {what} were answered as succeeded, {succeeded[what]} are")
    return found


async def _left_under_way(payments: Reads) -> int:
    """Wait until every payment and refund is final; return how many are not in the end."""
    under_way = 0
    for _ in range(int(REST_SECONDS / POLL_SECONDS)):
        (row,) = await payments.fetch(_UNDER_WAY)
        under_way = row["under_way"]
        if not under_way:
            break
        await asyncio.sleep(POLL_SECONDS)
    return under_way


async def ledger_findings(url: str) -> list[str]:
    """Return what is wrong in the wallet's books at `url`, empty when nothing is."""
    ledger = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    try:
        return list((await audit_ledger(ledger)).findings)
    finally:
        ledger.terminate()
