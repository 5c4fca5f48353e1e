"""What operators have said of operations at processors, insert-only; and the operations, as operators see them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from apps.payments.domain.operations import Operation
from apps.payments.store.operations import operation_of
from contracts.payments import ListProcessorOperations, Settlement, SettlementOutcome, SettleOperation
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_INSERT = """
INSERT INTO settlement (operation_id, outcome, reference, note, settled_by, settled_at)
SELECT operation_id, outcome, reference, note, settled_by, $6
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[])
     AS new (operation_id, outcome, reference, note, settled_by)
"""
_OF_OTHERS = """
SELECT asked.id, said.reference
FROM unnest($1::uuid[], $2::text[]) AS said (operation_id, reference)
JOIN operation AS asked ON asked.id = said.operation_id
WHERE EXISTS (
    SELECT FROM operation AS other
    WHERE other.processor = asked.processor AND other.reference = said.reference
      AND other.intent_id <> asked.intent_id)
"""
_FIND = """
SELECT o.id, o.intent_id, o.subject_id, o.verb, o.processor, o.reference, o.amount, o.asked, o.status, o.problem,
       o.tries, o.next_at, o.leased_by, o.asked_at, o.settled_at,
       s.outcome, s.reference AS reference_said, s.note, s.settled_by, s.settled_at AS said_at
FROM operation AS o LEFT JOIN settlement AS s ON s.operation_id = o.id
WHERE o.id = $1 AND o.processor IS NOT NULL
"""
_IN_DOUBT = """
SELECT id, intent_id, subject_id, verb, processor, reference, amount, asked, status, problem, tries, next_at, leased_by,
       asked_at, settled_at
FROM operation
WHERE status = $1 AND status IN ('unknown', 'attention') AND id < $2
ORDER BY id DESC LIMIT $3
"""
_LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Known:
    """An operation at a processor, and what an operator said of it, where one did."""

    operation: Operation
    settlement: Settlement | None


async def insert(tx: Transaction, settled: Sequence[SettleOperation]) -> None:
    """Keep what operators have said, of each operation once."""
    rows = [(s.operation_id, s.outcome.value, s.reference, s.note, s.settled_by) for s in settled]
    if rows:
        await tx.execute(_INSERT, *columns(rows, 5), tx.now)


async def references_of_others(tx: Transaction, said: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Return those (operation, reference) pairs whose reference another payment has at the operation's processor."""
    rows = await tx.fetch(_OF_OTHERS, *columns(sorted(said), 2)) if said else []
    return {(row["id"], row["reference"]) for row in rows}


async def find(reads: Reads, operation_id: UUID) -> Known | None:
    """Return one operation at a processor."""
    row = await reads.fetchrow(_FIND, operation_id)
    return Known(operation_of(row), _settlement(row)) if row else None


async def load_in_doubt(reads: Reads, asked: ListProcessorOperations, limit: int) -> list[Operation]:
    """Return operations whose outcome is in doubt, newest first, those below `before`."""
    rows = await reads.fetch(_IN_DOUBT, asked.status.value, asked.before or _LAST_ID, limit)
    return [operation_of(row) for row in rows]


def _settlement(row: asyncpg.Record) -> Settlement | None:
    if row["outcome"] is None:
        return None
    return Settlement(
        outcome=SettlementOutcome(row["outcome"]),
        reference=row["reference_said"],
        note=row["note"],
        settled_by=row["settled_by"],
        settled_at=row["said_at"],
    )
