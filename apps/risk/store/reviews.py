"""Payments under review, and what analysts have decided about them."""

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from apps.risk.domain.review import Review, Verdict
from contracts import risk
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_NEWEST = """
SELECT DISTINCT ON (r.payment_intent_id) r.assessment_id, r.payment_intent_id, d.payer, r.amount, r.currency, r.subject,
       r.is_open
FROM review r JOIN decision d USING (assessment_id)
WHERE r.payment_intent_id = ANY($1::uuid[]) ORDER BY r.payment_intent_id, r.assessment_id DESC
"""
_THESE = """
SELECT r.assessment_id, r.payment_intent_id, d.payer, r.amount, r.currency, r.subject, r.is_open
FROM review r JOIN decision d USING (assessment_id) WHERE r.assessment_id = ANY($1::uuid[])
"""
_CLOSE = "UPDATE review SET is_open = false WHERE assessment_id = ANY($1::uuid[]) AND is_open"
_SAVE = """
WITH closed AS (
    UPDATE review SET is_open = false WHERE assessment_id = ANY($1::uuid[])
)
INSERT INTO verdict (assessment_id, outcome, decided_by, note, decided_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[])
"""
_OPEN = """
SELECT r.assessment_id, r.payment_intent_id, d.payer, r.source_wallet, r.destination_wallet, r.amount, r.currency,
       r.direction, r.method, d.rules::text AS rules, d.decided_at AS opened_at
FROM review r JOIN decision d USING (assessment_id)
WHERE r.is_open AND r.assessment_id < $1 ORDER BY r.assessment_id DESC LIMIT $2
"""
_LAST_ID = UUID(int=2**128 - 1)
_RULES = TypeAdapter(list[risk.FiredRule])


async def load_newest(tx: Transaction, payment_intents: Collection[UUID]) -> dict[UUID, Review]:
    """Return the newest review of each of those payments that have one, by payment intent."""
    rows = await tx.fetch(_NEWEST, list(payment_intents))
    return {row["payment_intent_id"]: Review(*row) for row in rows}


async def load(tx: Transaction, assessments: Collection[UUID]) -> dict[UUID, Review]:
    """Return the reviews of assessments, by assessment id."""
    return {row["assessment_id"]: Review(*row) for row in await tx.fetch(_THESE, list(assessments))}


async def close(tx: Transaction, assessments: Collection[UUID]) -> None:
    """Close reviews about which nobody decides any more."""
    await tx.execute(_CLOSE, list(assessments))


async def save(tx: Transaction, verdicts: Sequence[Verdict]) -> None:
    """Record verdicts, and close their reviews."""
    if not verdicts:
        return
    rows = [
        (v.review.assessment_id, v.wish.outcome.value, v.wish.decided_by, v.wish.note, v.decided_at) for v in verdicts
    ]
    await tx.execute(_SAVE, *columns(rows, 5))


async def load_open(reads: Reads, before: UUID | None, limit: int) -> list[risk.Review]:
    """Return open reviews, newest first, those whose assessment is older than `before`."""
    return [_review(row) for row in await reads.fetch(_OPEN, before or _LAST_ID, limit)]


def _review(row: asyncpg.Record) -> risk.Review:
    return risk.Review.model_validate(dict(row) | {"rules": _RULES.validate_json(row["rules"])})
