"""Holds, as they are read."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from apps.wallet.domain.books import KnownStep
from apps.wallet.domain.hold import Hold
from outbox.database import Reads

_HOLDS = """
SELECT id, debit_account, credit_account, amount, currency, reference, fingerprint, placed_at, captured, remaining,
       status, expires_at, steps
FROM hold WHERE id = ANY($1::uuid[])
"""
_DUE_ON = """
SELECT id, debit_account, credit_account, amount, currency, reference, fingerprint, placed_at, captured, remaining,
       status, expires_at, steps
FROM hold WHERE debit_account = ANY($1::uuid[]) AND remaining > 0 AND expires_at <= $2
"""
_DUE = """
SELECT id FROM hold WHERE remaining > 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2
"""
_OF_ACCOUNT = """
SELECT id, debit_account, credit_account, amount, currency, reference, fingerprint, placed_at, captured, remaining,
       status, expires_at, steps
FROM hold WHERE debit_account = $1 AND id < $2
ORDER BY id DESC LIMIT $3
"""
_PENDING_OF_ACCOUNT = """
SELECT id, debit_account, credit_account, amount, currency, reference, fingerprint, placed_at, captured, remaining,
       status, expires_at, steps
FROM hold WHERE debit_account = $1 AND id < $2 AND remaining > 0 AND expires_at > $4
ORDER BY id DESC LIMIT $3
"""
_STEPS = """
SELECT operation_id, hold_id, fingerprint FROM hold_step WHERE operation_id = ANY($1::uuid[])
"""
_LAST_ID = UUID(int=2**128 - 1)


async def load_holds(reads: Reads, ids: Collection[UUID]) -> dict[UUID, Hold]:
    """Return those holds that exist, by id."""
    return {row["id"]: Hold(*row) for row in await reads.fetch(_HOLDS, list(ids))} if ids else {}


async def load_due_on(reads: Reads, accounts: Collection[UUID], now: datetime) -> dict[UUID, Hold]:
    """Return the pending holds on some accounts whose time is over, by id."""
    return {row["id"]: Hold(*row) for row in await reads.fetch(_DUE_ON, list(accounts), now)} if accounts else {}


async def load_due(reads: Reads, now: datetime, limit: int) -> list[UUID]:
    """Return the ids of holds whose time is over, those that have waited longest."""
    return [row["id"] for row in await reads.fetch(_DUE, now, limit)]


async def load_holds_of(
    reads: Reads, account: UUID, before: UUID | None, limit: int, pending_at: datetime | None
) -> list[Hold]:
    """Return the holds on an account's money, newest first, older than `before`; or those pending at an instant."""
    if pending_at is None:
        return [Hold(*row) for row in await reads.fetch(_OF_ACCOUNT, account, before or _LAST_ID, limit)]
    rows = await reads.fetch(_PENDING_OF_ACCOUNT, account, before or _LAST_ID, limit, pending_at)
    return [Hold(*row) for row in rows]


async def load_steps(reads: Reads, operations: Sequence[UUID]) -> dict[UUID, KnownStep]:
    """Return the hold steps that operations have asked for, by the operation's id."""
    rows = await reads.fetch(_STEPS, operations) if operations else []
    return {row["operation_id"]: KnownStep(row["hold_id"], row["fingerprint"]) for row in rows}
