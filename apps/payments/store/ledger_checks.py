"""Where the comparison with the ledger stands, what it compares next, and what it found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from apps.payments.domain.operations import Operation, OperationStatus
from apps.payments.domain.processing import Verb
from contracts.message import Problem
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_POSITION = "SELECT settled_at, operation_id FROM ledger_check WHERE id = 1"
_SETTLED = """
SELECT id, intent_id, subject_id, verb, amount, asked, status, problem, asked_at, settled_at FROM operation
WHERE (settled_at, id) > ($1, $2) AND settled_at < $3 AND processor IS NULL
ORDER BY settled_at, id LIMIT $4
"""
_KEEP = """
INSERT INTO ledger_difference (operation_id, intent_id, difference, found_at)
SELECT operation_id, intent_id, difference, $4
FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS found (operation_id, intent_id, difference)
ON CONFLICT (operation_id) DO NOTHING RETURNING operation_id
"""
_MOVE = """
UPDATE ledger_check SET settled_at = $3, operation_id = $4
WHERE id = 1 AND settled_at = $1 AND operation_id = $2 RETURNING true
"""
_COUNT = "SELECT count(*) FROM ledger_difference"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The last operation that was compared, in the order in which they were settled."""

    settled_at: datetime
    operation_id: UUID


@dataclass(frozen=True, slots=True)
class Difference:
    """An operation of a payment that the ledger has otherwise, and in what."""

    operation_id: UUID
    intent_id: UUID
    says: str


async def load_position(reads: Reads) -> Position:
    """Return where the comparison stands. Raises LookupError when its row is gone."""
    row = await reads.fetchrow(_POSITION)
    if row is None:
        raise LookupError("nobody knows what was compared with the ledger")
    return Position(*row)


async def load_settled(reads: Reads, after: Position, before: datetime, limit: int) -> list[Operation]:
    """Return ledger operations that were settled after a position and before an instant, in order."""
    rows = await reads.fetch(_SETTLED, after.settled_at, after.operation_id, before, limit)
    return [_operation(row) for row in rows]


async def keep(tx: Transaction, differences: Sequence[Difference]) -> set[UUID]:
    """Keep what was found; return the operations of which it was not known before."""
    rows = [(found.operation_id, found.intent_id, found.says) for found in differences]
    return {row["operation_id"] for row in await tx.fetch(_KEEP, *columns(rows, 3), tx.now)} if rows else set()


async def move(tx: Transaction, before: Position, after: Position) -> bool:
    """Move on; tell whether the comparison stood at `before`: otherwise somebody else has moved on meanwhile."""
    moved = await tx.fetchval(_MOVE, before.settled_at, before.operation_id, after.settled_at, after.operation_id)
    return bool(moved)


async def count_differences(reads: Reads) -> int:
    """Return how many operations were ever found to differ."""
    count: int = await reads.fetchval(_COUNT)
    return count


def _operation(row: asyncpg.Record) -> Operation:
    return Operation(
        id=row["id"],
        intent_id=row["intent_id"],
        subject_id=row["subject_id"],
        verb=Verb(row["verb"]),
        processor=None,
        amount=row["amount"],
        asked=row["asked"],
        asked_at=row["asked_at"],
        status=OperationStatus(row["status"]),
        problem=Problem.model_validate_json(row["problem"]) if row["problem"] else None,
        settled_at=row["settled_at"],
    )
