"""Where the comparison with the ledger stands, what it compares next, and what it found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from apps.payments.domain.agreement import Sums
from apps.payments.domain.operations import Operation, OperationStatus
from apps.payments.domain.processing import Verb
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_POSITION = "SELECT settled_at, operation_id FROM ledger_check WHERE id = 1"
_SETTLED = """
SELECT id, intent_id, subject_id, verb, amount, asked, status, asked_at, settled_at FROM operation
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
# A lost dispute takes what was claimed beyond what was left of the payment, too. While it is being settled, part of it
# may have moved that the payment does not count yet.
_SUMS = """
SELECT i.id, i.captured, i.refunded, i.lost + beyond.amount, moved.there, moved.back, moved.away
FROM payment_intent i, LATERAL (
    SELECT coalesce(sum(d.amount - d.contested), 0)::bigint AS amount
    FROM dispute d WHERE d.intent_id = i.id AND d.funds = 'taken'
) AS beyond, LATERAL (
    SELECT coalesce(sum(o.amount) FILTER (WHERE o.subject_id = i.id), 0)::bigint AS there,
           coalesce(sum(o.amount) FILTER (WHERE r.id IS NOT NULL), 0)::bigint AS back,
           coalesce(sum(o.amount) FILTER (WHERE d.funds <> 'settling'), 0)::bigint AS away
    FROM operation o LEFT JOIN refund r ON r.id = o.subject_id LEFT JOIN dispute d ON d.id = o.subject_id
    WHERE o.intent_id = i.id AND o.status = 'succeeded' AND o.verb IN ('post', 'capture_hold')
) AS moved
WHERE i.id = ANY ($1::uuid[])
"""
_INTENTS = "SELECT id FROM payment_intent WHERE id > $1 ORDER BY id LIMIT $2"
_OF_INTENTS = """
SELECT id, intent_id, subject_id, verb, amount, asked, status, asked_at, settled_at FROM operation
WHERE intent_id = ANY ($1::uuid[]) AND settled_at IS NOT NULL AND processor IS NULL
"""
# What transfers may refer to: payments, and parts of them. A processor's operation is what some transfers follow from.
_UNASKED = """
SELECT posted.transfer_id
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS posted (transfer_id, operation_id, reference)
WHERE NOT EXISTS (SELECT FROM operation o WHERE o.id = posted.operation_id)
  AND (EXISTS (SELECT FROM payment_intent i WHERE i.id = posted.reference)
       OR EXISTS (SELECT FROM refund r WHERE r.id = posted.reference)
       OR EXISTS (SELECT FROM dispute d WHERE d.id = posted.reference)
       OR EXISTS (SELECT FROM operation o WHERE o.id = posted.reference))
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


async def load_sums(reads: Reads, intents: Sequence[UUID]) -> list[Sums]:
    """Return what payments say of their money and what their operations come to, both as of one moment."""
    return [Sums(*row) for row in await reads.fetch(_SUMS, intents)]


async def load_intents(reads: Reads, after: UUID, limit: int) -> list[UUID]:
    """Return ids of intents in order, those after `after`."""
    return [row["id"] for row in await reads.fetch(_INTENTS, after, limit)]


async def load_settled_of(reads: Reads, intents: Sequence[UUID]) -> list[Operation]:
    """Return all ledger operations of some intents that are settled."""
    return [_operation(row) for row in await reads.fetch(_OF_INTENTS, intents)]


async def load_unasked(reads: Reads, posted: Sequence[tuple[UUID, UUID, UUID]]) -> set[UUID]:
    """Return those transfers that are for a payment's sake, and that no payment has asked for.

    Each is its id, the id that it was asked for under (its own, or its journal's), and its reference.
    """
    return {row["transfer_id"] for row in await reads.fetch(_UNASKED, *columns(posted, 3))}


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
        settled_at=row["settled_at"],
    )
