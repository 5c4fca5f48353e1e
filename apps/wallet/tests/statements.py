"""Statements and entries for tests of reconciliation: rows as the handlers would have written them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import asyncpg
import orjson

from apps.wallet.domain.timeline import micros
from apps.wallet.handlers.match_statements import match_statements
from apps.wallet.tests.bank import Bank, envelope, idempotency
from contracts.ids import new_id
from contracts.message import Envelope
from contracts.wallet import ExternalLine, ImportLines, MatchLines, StartReconciliation

ROUNDS = 20
_ACCOUNT = "INSERT INTO account (id, kind, currency, type, created_at) VALUES ($1, 'clearing', 'EUR', 'asset', now())"
_EMPTY = """
TRUNCATE transfer, backdated_total, reconciliation, statement_line, reconciled_entry, line_match, entry_match,
    match_step, reconciliation_break, break_resolution, account CASCADE
"""
_TRANSFER = """
INSERT INTO transfer (id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence, posted_at,
                      effective_at, journal_id, metadata, debit_balance, credit_balance)
VALUES ($1, $2, $3, $4, 'EUR', $5, '', $6, $7, $8, $9, $10::jsonb, 0, 0)
"""
_BACKDATED = """
INSERT INTO backdated_total (account_id, level, bucket, sequence, total) VALUES ($1, 0, $2, $3, $4)
"""


@dataclass(frozen=True)
class Moved:
    """A transfer to or from the clearing account: `amount` is that of the entry on it."""

    day: date
    amount: int
    posted_on: date
    reference: UUID | None = None
    journal: UUID | None = None
    external: str | None = None


@asynccontextmanager
async def unguarded(owner_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Lend a connection of the owner, who writes transfers that nobody verifies."""
    connection = await asyncpg.connect(owner_url)
    try:
        for table in ("transfer", "backdated_total"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield connection
    finally:
        await connection.close()


async def write_ledger(
    owner: "asyncpg.Connection[asyncpg.Record]", clearing: UUID, moved: Sequence[Moved]
) -> list[tuple[int, UUID, Moved]]:
    """Replace the whole ledger; return sequence, transfer and what moved, in recorded order."""
    await owner.execute(_EMPTY)
    await owner.execute(_ACCOUNT, clearing)
    other, written = new_id(), []
    for sequence, m in enumerate(sorted(moved, key=lambda m: m.posted_on), start=1):
        posted, effective = _noon(m.posted_on), _noon(m.day)
        sides = (clearing, other) if m.amount < 0 else (other, clearing)
        metadata = orjson.dumps({"external_reference": m.external}).decode() if m.external else None
        transfer = new_id()
        await owner.execute(
            _TRANSFER, transfer, *sides, abs(m.amount), m.reference, sequence, posted, effective, m.journal, metadata
        )
        if effective < posted:
            await owner.execute(_BACKDATED, clearing, micros(effective), sequence, m.amount)
        written.append((sequence, transfer, m))
    return written


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def start(account: UUID, first: date, last: date, **more: object) -> Envelope[StartReconciliation]:
    """Return a command to begin."""
    facts = {
        "reconciliation_id": new_id(),
        "account_id": account,
        "currency": "EUR",
        "name": "statement",
        "starts_on": first,
        "ends_on": last,
        "created_by": new_id(),
        "idempotency": idempotency(),
    }
    return envelope(StartReconciliation.model_validate(facts | more))


def lines_of(reconciliation: UUID, lines: Sequence[ExternalLine]) -> Envelope[ImportLines]:
    """Return a command to import lines."""
    return envelope(ImportLines(reconciliation_id=reconciliation, lines=list(lines)))


def end(reconciliation: UUID, lines: Sequence[ExternalLine]) -> Envelope[MatchLines]:
    """Return a command to end the import."""
    total = sum(line.amount for line in lines)
    return envelope(MatchLines(reconciliation_id=reconciliation, lines=len(lines), total=total))


async def match_all(bank: Bank) -> int:
    """Run the background job until it has nothing to do; return how many times it had."""
    for done in range(ROUNDS):
        async with bank.transactions.begin() as tx:
            if await tx.fetchval("SELECT count(*) FROM reconciliation WHERE status = 'matching'") == 0:
                return done
            await match_statements(tx)
    raise AssertionError("matching does not end")


def day(number: int) -> date:
    """Return a day of October 2026, from 0 on."""
    return date(2026, 10, 1) + timedelta(days=number)
