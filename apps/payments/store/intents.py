"""Every SQL statement of the payments service: rows in, rows out, always a batch at once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from apps.payments.domain.intents import Attempt, Intent
from apps.payments.domain.transitions import State
from contracts.message import Problem
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_FIND = """
SELECT id, customer, source_wallet, destination_wallet, amount, currency, description, state, attempt,
       assessment_id, transfer_id, asked_by, last_payment_error, deadline_at, created_at, updated_at
FROM payment_intent WHERE id = $1
"""
_LOCK = """
SELECT id, customer, source_wallet, destination_wallet, amount, currency, description, state, attempt,
       assessment_id, transfer_id, asked_by, last_payment_error, deadline_at, created_at, updated_at
FROM payment_intent WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
"""
_LOCK_OVERDUE = """
SELECT id, customer, source_wallet, destination_wallet, amount, currency, description, state, attempt,
       assessment_id, transfer_id, asked_by, last_payment_error, deadline_at, created_at, updated_at
FROM payment_intent WHERE state = 'assessing' AND deadline_at <= $1
ORDER BY deadline_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_UNMOVED = """
SELECT id, customer, source_wallet, destination_wallet, amount, currency, description, state, attempt,
       assessment_id, transfer_id, asked_by, last_payment_error, deadline_at, created_at, updated_at
FROM payment_intent WHERE state IN ('assessing', 'posting') AND updated_at < $1
ORDER BY updated_at, id LIMIT $2
"""
_TRANSFERS_OF = "SELECT id, transfer_id FROM payment_intent WHERE id = ANY ($1::uuid[])"
_CONCLUDED = """
SELECT id, customer, source_wallet, destination_wallet, amount, currency, description, state, attempt,
       assessment_id, transfer_id, asked_by, last_payment_error, deadline_at, created_at, updated_at
FROM payment_intent
WHERE id > $1 AND state IN ('succeeded', 'requires_payment_method') AND transfer_id IS NOT NULL ORDER BY id LIMIT $2
"""
_INSERT = """
INSERT INTO payment_intent
      (id, customer, source_wallet, destination_wallet, amount, currency, description, created_at,
       state, attempt, assessment_id, transfer_id, asked_by, last_payment_error, deadline_at, updated_at)
SELECT id, customer, source_wallet, destination_wallet, amount, currency, description, created_at,
       state, attempt, assessment_id, transfer_id, asked_by::json, last_payment_error::json, deadline_at, updated_at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::timestamptz[],
            $9::text[], $10::integer[], $11::uuid[], $12::uuid[], $13::text[], $14::text[], $15::timestamptz[],
            $16::timestamptz[])
     AS new (id, customer, source_wallet, destination_wallet, amount, currency, description, created_at,
             state, attempt, assessment_id, transfer_id, asked_by, last_payment_error, deadline_at, updated_at)
ORDER BY id
ON CONFLICT (id) DO NOTHING RETURNING id
"""
_UPDATE = """
UPDATE payment_intent AS p
SET state = m.state, attempt = m.attempt, assessment_id = m.assessment_id, transfer_id = m.transfer_id,
    asked_by = m.asked_by::json, last_payment_error = m.last_payment_error::json, deadline_at = m.deadline_at,
    updated_at = m.updated_at
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
            $8::timestamptz[], $9::timestamptz[])
     AS m (id, state, attempt, assessment_id, transfer_id, asked_by, last_payment_error, deadline_at, updated_at)
WHERE p.id = m.id
"""
_COUNT_BY_STATE = "SELECT state, count(*) AS payments FROM payment_intent GROUP BY state"


async def find(reads: Reads, intent_id: UUID) -> Intent | None:
    """Return one intent."""
    row = await reads.fetchrow(_FIND, intent_id)
    return _intent(row) if row else None


async def lock(tx: Transaction, intent_ids: Iterable[UUID]) -> dict[UUID, Intent]:
    """Lock the intents that exist, in id order, and return them by id."""
    return {row["id"]: _intent(row) for row in await tx.fetch(_LOCK, list(set(intent_ids)))}


async def lock_overdue(tx: Transaction, now: datetime, limit: int) -> list[Intent]:
    """Lock the intents whose wait for risk has ended, the longest overdue first, without waiting for anybody."""
    return [_intent(row) for row in await tx.fetch(_LOCK_OVERDUE, now, limit)]


async def insert(tx: Transaction, intents: Sequence[Intent]) -> set[UUID]:
    """Add intents; return the ids of those whose id was free. The ids must differ."""
    rows = [(*_fixed(intent), *_changing(intent)) for intent in intents]
    return {row["id"] for row in await tx.fetch(_INSERT, *columns(rows, 16))} if rows else set()


async def update(tx: Transaction, intents: Iterable[Intent]) -> None:
    """Write what may change of locked intents. The ids must differ."""
    rows = [(intent.id, *_changing(intent)) for intent in intents]
    if rows:
        await tx.execute(_UPDATE, *columns(rows, 9))


async def count_by_state(reads: Reads) -> dict[State, int]:
    """Return how many intents stand where; reads the whole table."""
    return {State(row["state"]): row["payments"] for row in await reads.fetch(_COUNT_BY_STATE)}


async def unmoved_since(reads: Reads, instant: datetime, limit: int) -> list[Intent]:
    """Return processing intents that were last moved before `instant`, oldest first; reads the whole table."""
    return [_intent(row) for row in await reads.fetch(_UNMOVED, instant, limit)]


async def concluded_after(reads: Reads, after: UUID, limit: int) -> list[Intent]:
    """Return confirmed intents that succeeded or failed, in the order of their ids, those after `after`."""
    return [_intent(row) for row in await reads.fetch(_CONCLUDED, after, limit)]


async def transfers_of(reads: Reads, ids: Sequence[UUID]) -> dict[UUID, UUID | None]:
    """Return the transfer that each intent is carried out by, None where it has none; others are left out."""
    return {row["id"]: row["transfer_id"] for row in await reads.fetch(_TRANSFERS_OF, list(ids))}


def _fixed(intent: Intent) -> tuple[object, ...]:
    return (
        intent.id,
        intent.customer,
        intent.source_wallet,
        intent.destination_wallet,
        intent.amount,
        intent.currency,
        intent.description,
        intent.created_at,
    )


def _changing(intent: Intent) -> tuple[object, ...]:
    attempt, error = intent.attempt, intent.last_payment_error
    return (
        intent.state.value,
        attempt.number if attempt else 0,
        attempt.assessment_id if attempt else None,
        attempt.transfer_id if attempt else None,
        attempt.asked_by if attempt else None,
        error.model_dump_json(exclude_none=True) if error else None,
        intent.deadline_at,
        intent.updated_at,
    )


def _intent(row: asyncpg.Record) -> Intent:
    error = row["last_payment_error"]
    return Intent(
        id=row["id"],
        customer=row["customer"],
        source_wallet=row["source_wallet"],
        destination_wallet=row["destination_wallet"],
        amount=row["amount"],
        currency=row["currency"],
        description=row["description"],
        state=State(row["state"]),
        attempt=_attempt(row),
        last_payment_error=Problem.model_validate_json(error) if error else None,
        deadline_at=row["deadline_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _attempt(row: asyncpg.Record) -> Attempt | None:
    if row["attempt"] == 0:
        return None
    return Attempt(row["attempt"], row["assessment_id"], row["transfer_id"], row["asked_by"])
