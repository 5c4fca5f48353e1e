"""Refunds: those that are spoken of, and what has become of them."""

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg
import orjson

from apps.payments.domain.refunds import Refund, Stage
from contracts.message import Problem
from contracts.payments import RefundReason
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_FIND = """
SELECT id, intent_id, merchant, customer, amount, currency, reason, metadata, stage, hold_id, failure, asked_by,
       created_at, updated_at
FROM refund WHERE id = $1
"""
_LOAD = """
SELECT id, intent_id, merchant, customer, amount, currency, reason, metadata, stage, hold_id, failure, asked_by,
       created_at, updated_at
FROM refund WHERE id = ANY ($1::uuid[])
"""
_INSERT = """
INSERT INTO refund (id, intent_id, merchant, customer, amount, currency, reason, metadata, created_at,
                    stage, hold_id, failure, asked_by, updated_at)
SELECT id, intent_id, merchant, customer, amount, currency, reason, metadata::jsonb, created_at,
       stage, hold_id, failure::json, asked_by::json, updated_at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::text[],
            $9::timestamptz[], $10::text[], $11::uuid[], $12::text[], $13::text[], $14::timestamptz[])
     AS new (id, intent_id, merchant, customer, amount, currency, reason, metadata, created_at,
             stage, hold_id, failure, asked_by, updated_at)
ORDER BY id
"""
_UPDATE = """
UPDATE refund AS r
SET stage = m.stage, hold_id = m.hold_id, failure = m.failure::json, asked_by = m.asked_by::json,
    updated_at = m.updated_at
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[])
     AS m (id, stage, hold_id, failure, asked_by, updated_at)
WHERE r.id = m.id
"""


async def find(reads: Reads, refund_id: UUID) -> Refund | None:
    """Return one refund."""
    row = await reads.fetchrow(_FIND, refund_id)
    return refund_of(row) if row else None


async def load(tx: Transaction, ids: Collection[UUID]) -> list[Refund]:
    """Return those refunds that exist; nobody else moves them while their intents are locked."""
    return [refund_of(row) for row in await tx.fetch(_LOAD, list(ids))] if ids else []


async def insert(tx: Transaction, refunds: Sequence[Refund]) -> None:
    """Add refunds."""
    rows = [
        (
            r.id,
            r.intent_id,
            r.merchant,
            r.customer,
            r.amount,
            r.currency,
            r.reason.value if r.reason else None,
            orjson.dumps(r.metadata).decode(),
            r.created_at,
            *_changing(r),
        )
        for r in refunds
    ]
    if rows:
        await tx.execute(_INSERT, *columns(rows, 14))


async def update(tx: Transaction, refunds: Sequence[Refund]) -> None:
    """Write what has become of refunds of locked intents."""
    if refunds:
        await tx.execute(_UPDATE, *columns([(r.id, *_changing(r)) for r in refunds], 6))


def _changing(refund: Refund) -> tuple[object, ...]:
    failure = refund.failure.model_dump_json(exclude_none=True) if refund.failure else None
    return refund.stage.value, refund.hold_id, failure, refund.asked_by, refund.updated_at


def refund_of(row: asyncpg.Record) -> Refund:
    """Return the refund of a whole row."""
    reason, failure = row["reason"], row["failure"]
    return Refund(
        id=row["id"],
        intent_id=row["intent_id"],
        merchant=row["merchant"],
        customer=row["customer"],
        amount=row["amount"],
        currency=row["currency"],
        reason=RefundReason(reason) if reason else None,
        metadata=orjson.loads(row["metadata"]),
        stage=Stage(row["stage"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        hold_id=row["hold_id"],
        failure=Problem.model_validate_json(failure) if failure else None,
        asked_by=row["asked_by"],
    )
