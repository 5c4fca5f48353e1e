"""Disputes: those that are spoken of, and what has become of them."""

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg
import orjson

from apps.payments.domain.disputes import Dispute
from contracts.payments import DisputeFunds, DisputeStatus
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_FIND = """
SELECT id, intent_id, merchant, customer, processor, reference, amount, contested, currency, reason, status, funds,
       hold_id, evidence, evidence_due_by, asked_by, created_at, updated_at
FROM dispute WHERE id = $1
"""
_LOAD = """
SELECT id, intent_id, merchant, customer, processor, reference, amount, contested, currency, reason, status, funds,
       hold_id, evidence, evidence_due_by, asked_by, created_at, updated_at
FROM dispute WHERE id = ANY ($1::uuid[])
   OR (processor, reference) IN (SELECT * FROM unnest($2::text[], $3::text[]))
"""
_INSERT = """
INSERT INTO dispute (id, intent_id, merchant, customer, processor, reference, amount, contested, currency, reason,
                     created_at, status, funds, hold_id, evidence, evidence_due_by, asked_by, updated_at)
SELECT id, intent_id, merchant, customer, processor, reference, amount, contested, currency, reason,
       created_at, status, funds, hold_id, evidence::json, evidence_due_by, asked_by::json, updated_at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
            $9::text[], $10::text[], $11::timestamptz[], $12::text[], $13::text[], $14::uuid[], $15::text[],
            $16::timestamptz[], $17::text[], $18::timestamptz[])
     AS new (id, intent_id, merchant, customer, processor, reference, amount, contested, currency, reason,
             created_at, status, funds, hold_id, evidence, evidence_due_by, asked_by, updated_at)
ORDER BY id
"""
_UPDATE = """
UPDATE dispute AS d
SET status = m.status, funds = m.funds, hold_id = m.hold_id, evidence = m.evidence::json,
    evidence_due_by = m.evidence_due_by, asked_by = m.asked_by::json, updated_at = m.updated_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[], $7::text[],
            $8::timestamptz[])
     AS m (id, status, funds, hold_id, evidence, evidence_due_by, asked_by, updated_at)
WHERE d.id = m.id
"""


async def find(reads: Reads, dispute_id: UUID) -> Dispute | None:
    """Return one dispute."""
    row = await reads.fetchrow(_FIND, dispute_id)
    return dispute_of(row) if row else None


async def load(tx: Transaction, ids: Collection[UUID], names: Collection[tuple[str, str]]) -> list[Dispute]:
    """Return those disputes that exist, by id or by processor and reference; their intents are locked."""
    if not ids and not names:
        return []
    rows = await tx.fetch(_LOAD, list(ids), *columns(list(names), 2))
    return [dispute_of(row) for row in rows]


async def insert(tx: Transaction, disputes: Sequence[Dispute]) -> None:
    """Add disputes."""
    rows = [
        (
            d.id,
            d.intent_id,
            d.merchant,
            d.customer,
            d.processor,
            d.reference,
            d.amount,
            d.contested,
            d.currency,
            d.reason,
            d.created_at,
            *_changing(d),
        )
        for d in disputes
    ]
    if rows:
        await tx.execute(_INSERT, *columns(rows, 18))


async def update(tx: Transaction, disputes: Sequence[Dispute]) -> None:
    """Write what has become of disputes of locked intents."""
    if disputes:
        await tx.execute(_UPDATE, *columns([(d.id, *_changing(d)) for d in disputes], 8))


def _changing(dispute: Dispute) -> tuple[object, ...]:
    return (
        dispute.status.value,
        dispute.funds.value,
        dispute.hold_id,
        orjson.dumps(dispute.evidence).decode() if dispute.evidence else None,
        dispute.evidence_due_by,
        dispute.asked_by,
        dispute.updated_at,
    )


def dispute_of(row: asyncpg.Record) -> Dispute:
    """Return the dispute of a whole row."""
    return Dispute(
        id=row["id"],
        intent_id=row["intent_id"],
        merchant=row["merchant"],
        customer=row["customer"],
        processor=row["processor"],
        reference=row["reference"],
        amount=row["amount"],
        contested=row["contested"],
        currency=row["currency"],
        reason=row["reason"],
        status=DisputeStatus(row["status"]),
        funds=DisputeFunds(row["funds"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        hold_id=row["hold_id"],
        evidence=orjson.loads(row["evidence"]) if row["evidence"] else None,
        evidence_due_by=row["evidence_due_by"],
        asked_by=row["asked_by"],
    )
