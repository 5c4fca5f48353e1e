"""Operations: what payments have asked of the ledger and of processors."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from apps.payments.domain.operations import Operation, OperationStatus
from apps.payments.domain.processing import Verb
from contracts.message import Problem
from outbox.database import columns
from outbox.transaction import Transaction

_UNSETTLED = """
SELECT id, intent_id, subject_id, verb, processor, reference, amount, asked, status, problem, tries, next_at, leased_by,
       asked_at, settled_at
FROM operation WHERE intent_id = ANY ($1::uuid[]) AND settled_at IS NULL ORDER BY id
"""
_INTENTS_OF = "SELECT id, intent_id FROM operation WHERE id = ANY ($1::uuid[]) AND processor IS NOT NULL"
_LOCK = "SELECT FROM operation WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE"
_INSERT = """
INSERT INTO operation (id, intent_id, subject_id, verb, processor, amount, asked, asked_at, next_at,
                       status, problem, reference, settled_at)
SELECT id, intent_id, subject_id, verb, processor, amount, asked::json, asked_at, next_at,
       status, problem::json, reference, settled_at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[],
            $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::timestamptz[])
     AS new (id, intent_id, subject_id, verb, processor, amount, asked, asked_at, next_at,
             status, problem, reference, settled_at)
ORDER BY id
"""
# Of one that is not settled, when it is due and who has it in hand is for the workers to say.
_UPDATE = """
UPDATE operation AS o
SET status = m.status, problem = m.problem::json, reference = m.reference, settled_at = m.settled_at,
    next_at = CASE WHEN m.settled_at IS NULL THEN o.next_at END,
    leased_by = CASE WHEN m.settled_at IS NULL THEN o.leased_by END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
     AS m (id, status, problem, reference, settled_at)
WHERE o.id = m.id
"""
# The index on `subject_id` holds only what is unsettled in the ledger, so that reading it whole costs little.
_UNANSWERED = """
WITH unanswered AS (
    SELECT id, tries FROM operation
    WHERE processor IS NULL AND settled_at IS NULL AND coalesce(next_at, asked_at + $2) <= $1
    ORDER BY asked_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE operation AS o SET tries = u.tries + 1, next_at = $1 + $2 * least(u.tries + 1, 60)
FROM unanswered AS u WHERE o.id = u.id
RETURNING o.id, o.verb, o.asked
"""


async def load_unsettled(tx: Transaction, intent_ids: Collection[UUID]) -> list[Operation]:
    """Return the unsettled operations of locked intents."""
    return [operation_of(row) for row in await tx.fetch(_UNSETTLED, list(intent_ids))]


async def intents_of(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the intents of operations at processors, by the operations' ids."""
    rows = await tx.fetch(_INTENTS_OF, list(ids)) if ids else []
    return {row["id"]: row["intent_id"] for row in rows}


async def lock(tx: Transaction, ids: Collection[UUID]) -> None:
    """Lock operations of locked intents, so that no worker takes them in hand meanwhile."""
    if ids:
        await tx.fetch(_LOCK, list(ids))


async def insert(tx: Transaction, operations: Sequence[Operation]) -> None:
    """Add operations."""
    rows = [
        (
            o.id,
            o.intent_id,
            o.subject_id,
            o.verb.value,
            o.processor,
            o.amount,
            o.asked,
            o.asked_at,
            o.next_at,
            *_changing(o),
        )
        for o in operations
    ]
    if rows:
        await tx.execute(_INSERT, *columns(rows, 13))


async def update(tx: Transaction, operations: Sequence[Operation]) -> None:
    """Write how operations of locked intents stand."""
    if operations:
        await tx.execute(_UPDATE, *columns([(o.id, *_changing(o)) for o in operations], 5))


async def take_unanswered(tx: Transaction, patience: timedelta, limit: int) -> list[tuple[Verb, str]]:
    """Return ledger operations without an outcome that are to be asked for (again): verb and command, oldest first.

    The first time after `patience`, and then with growing pauses.
    """
    rows = await tx.fetch(_UNANSWERED, tx.now, patience, limit)
    return [(Verb(row["verb"]), row["asked"]) for row in sorted(rows, key=lambda row: row["id"])]


def _changing(operation: Operation) -> tuple[str, str | None, str | None, datetime | None]:
    problem = operation.problem
    text = problem.model_dump_json(exclude_none=True) if problem else None
    return operation.status.value, text, operation.reference, operation.settled_at


def operation_of(row: asyncpg.Record) -> Operation:
    """Return the operation of a whole row."""
    problem = row["problem"]
    return Operation(
        id=row["id"],
        intent_id=row["intent_id"],
        subject_id=row["subject_id"],
        verb=Verb(row["verb"]),
        processor=row["processor"],
        amount=row["amount"],
        asked=row["asked"],
        asked_at=row["asked_at"],
        reference=row["reference"],
        status=OperationStatus(row["status"]),
        problem=Problem.model_validate_json(problem) if problem else None,
        tries=row["tries"],
        next_at=row["next_at"],
        leased_by=row["leased_by"],
        settled_at=row["settled_at"],
    )
