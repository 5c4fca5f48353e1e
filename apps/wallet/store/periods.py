"""Closed periods. The runtime role can only add one after the newest, and only together with the ledger's head."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from apps.wallet.domain.periods import ClosedPeriod
from apps.wallet.domain.timeline import BEGINNING
from outbox.database import Reads, columns
from outbox.transaction import Transaction

# A statement of its own: what is read after it is what the writer before has committed.
_LOCK_LEDGER = "SELECT greatest(moved_at, $1) AS moved_at, closed_until FROM ledger WHERE id = 1 FOR UPDATE"
_KNOWN = "SELECT id, starts_at, ends_at, closed_at, closed_by FROM period WHERE id = ANY($1::uuid[])"
_NEWEST = """
SELECT id, starts_at, ends_at, closed_at, closed_by FROM period
WHERE ends_at < coalesce($1::timestamptz, 'infinity') ORDER BY ends_at DESC LIMIT $2
"""
# One statement, because the database verifies at its end that the newest period ends where the head says.
_CLOSE = """
WITH closed AS (
    INSERT INTO period (id, starts_at, ends_at, closed_at, closed_by)
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::uuid[])
)
UPDATE ledger SET closed_until = $6 WHERE id = 1
"""


async def lock_closed_until(tx: Transaction) -> tuple[datetime, datetime | None]:
    """Lock the ledger's head; return the ledger's time, and the end of what is closed."""
    row = await tx.fetchrow(_LOCK_LEDGER, BEGINNING)
    if row is None:
        raise LookupError("the ledger has no head")
    return max(tx.now, row["moved_at"]), row["closed_until"]


async def load_periods(reads: Reads, ids: Collection[UUID]) -> dict[UUID, ClosedPeriod]:
    """Return those periods that are closed, by id."""
    return {row["id"]: ClosedPeriod(*row) for row in await reads.fetch(_KNOWN, list(ids))}


async def load_newest_periods(reads: Reads, before: datetime | None, limit: int) -> list[ClosedPeriod]:
    """Return closed periods, newest first; those that ended before an instant, or all."""
    return [ClosedPeriod(*row) for row in await reads.fetch(_NEWEST, before, limit)]


async def save_periods(tx: Transaction, periods: Sequence[ClosedPeriod]) -> None:
    """Insert periods, oldest first, and move the end of what is closed to that of the last."""
    if periods:
        rows = [(p.id, p.starts_at, p.ends_at, p.closed_at, p.closed_by) for p in periods]
        await tx.execute(_CLOSE, *columns(rows, 5), periods[-1].ends_at)
