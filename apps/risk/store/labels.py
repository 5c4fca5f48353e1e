"""Labels: what sources say of payments, and what follows. Who changes them has the turn (store.decisions)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

import asyncpg

from apps.risk.domain.labelling import Known, Statement
from contracts import risk
from contracts.risk import Label, LabelSource
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_STATEMENTS = "SELECT * FROM label_statement WHERE payment_intent_id = ANY($1::uuid[])"
_LABELS = "SELECT payment_intent_id, label, source, assessment_id FROM label WHERE payment_intent_id = ANY($1::uuid[])"
_ONE = "SELECT label, source, changed_at FROM label WHERE payment_intent_id = $1"
# The decision by which money moved, if there is one; else the newest.
_ASSESSMENTS = """
SELECT DISTINCT ON (d.payment_intent_id) d.payment_intent_id, d.assessment_id
FROM decision d LEFT JOIN verdict v USING (assessment_id)
WHERE d.payment_intent_id = ANY($1::uuid[]) AND d.request IS NOT NULL
ORDER BY d.payment_intent_id, (coalesce(v.outcome, d.outcome) = 'approve') DESC, d.assessment_id DESC
"""
_SAVE_STATEMENTS = """
INSERT INTO label_statement AS s (payment_intent_id, source, label, stated_at, is_final, stated_by, reference)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::boolean[], $6::uuid[], $7::text[])
ON CONFLICT (payment_intent_id, source) DO UPDATE
SET label = excluded.label, stated_at = excluded.stated_at, is_final = excluded.is_final,
    stated_by = excluded.stated_by, reference = excluded.reference
"""
_SAVE = """
INSERT INTO label AS l (payment_intent_id, label, source, assessment_id, changed_at)
SELECT id, label, source, assessment_id, $5
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) AS n (id, label, source, assessment_id)
ON CONFLICT (payment_intent_id) DO UPDATE
SET label = excluded.label, source = excluded.source, assessment_id = excluded.assessment_id,
    changed_at = excluded.changed_at
"""


async def load_statements(reads: Reads, payment_intents: Collection[UUID]) -> dict[tuple[UUID, LabelSource], Statement]:
    """Return the newest statement of each source about each of those payments."""
    rows = await reads.fetch(_STATEMENTS, list(payment_intents))
    return {(s.payment_intent_id, s.source): s for s in map(_statement, rows)}


async def load(reads: Reads, payment_intents: Collection[UUID]) -> dict[UUID, Known]:
    """Return what those payments were of which it is known."""
    rows = await reads.fetch(_LABELS, list(payment_intents))
    return {
        row["payment_intent_id"]: Known(Label(row["label"]), LabelSource(row["source"]), row["assessment_id"])
        for row in rows
    }


async def load_one(reads: Reads, payment_intent: UUID) -> risk.PaymentLabel | None:
    """Return what a payment was, and who says what; None where nobody says anything."""
    row = await reads.fetchrow(_ONE, payment_intent)
    if row is None:
        return None
    said = await load_statements(reads, [payment_intent])
    return risk.PaymentLabel(
        payment_intent_id=payment_intent,
        label=row["label"],
        source=row["source"],
        changed_at=row["changed_at"],
        statements=[_shown(said[key]) for source in LabelSource if (key := (payment_intent, source)) in said],
    )


async def load_assessments(reads: Reads, payment_intents: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the assessment of each of those payments that risk has decided about, with all that was asked."""
    rows = await reads.fetch(_ASSESSMENTS, list(payment_intents))
    return {row["payment_intent_id"]: row["assessment_id"] for row in rows}


async def save_statements(tx: Transaction, statements: Collection[Statement]) -> None:
    """Keep the newest that sources say."""
    rows = [
        (
            s.payment_intent_id,
            s.source.value,
            s.label.value,
            s.stated_at,
            s.is_final,
            s.stated_by,
            s.reference,
        )
        for s in statements
    ]
    await tx.execute(_SAVE_STATEMENTS, *columns(rows, 7))


async def save(tx: Transaction, labels: Mapping[UUID, Known], now: datetime) -> None:
    """Keep what payments were."""
    rows = [(i, known.label.value, known.source.value, known.assessment_id) for i, known in labels.items()]
    await tx.execute(_SAVE, *columns(rows, 4), now)


def _statement(row: asyncpg.Record) -> Statement:
    return Statement(
        payment_intent_id=row["payment_intent_id"],
        source=LabelSource(row["source"]),
        label=Label(row["label"]),
        stated_at=row["stated_at"],
        reference=row["reference"],
        is_final=row["is_final"],
        stated_by=row["stated_by"],
    )


def _shown(statement: Statement) -> risk.LabelStatement:
    return risk.LabelStatement(
        source=statement.source,
        label=statement.label,
        stated_at=statement.stated_at,
        stated_by=statement.stated_by,
        reference=statement.reference,
    )
