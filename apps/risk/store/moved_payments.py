"""Payments whose money has moved although risk did not approve them, or has yet to decide."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from apps.risk.domain.moved_money import Moved
from contracts.ids import first_id_of
from contracts.risk import RiskOutcome
from outbox.database import Reads, columns
from outbox.transaction import Transaction

# An end that is known is that of an earlier attempt, or this one heard again. Assessments from the end on have ids from
# its millisecond on (RFC 9562, section 5.7).
_REMEMBER = """
INSERT INTO moved_payment (payment_intent_id, moved_at, amount, first_assessment, next_assessment)
SELECT payment_intent_id, moved_at, amount, first, next
FROM (
    SELECT m.*, coalesce(
        (lpad(to_hex((extract(epoch FROM r.ended_at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid,
        '00000000-0000-0000-0000-000000000000'
    ) AS first
    FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::uuid[])
         AS m (payment_intent_id, moved_at, amount, next)
    LEFT JOIN limit_release r USING (payment_intent_id)
    WHERE r.ended_at IS NULL OR r.ended_at < m.moved_at
) AS m
WHERE (
    SELECT coalesce(v.outcome, d.outcome) FROM decision d LEFT JOIN verdict v USING (assessment_id)
    WHERE d.payment_intent_id = m.payment_intent_id AND d.assessment_id >= m.first AND d.assessment_id < m.next
    ORDER BY d.assessment_id DESC LIMIT 1
) IS DISTINCT FROM 'approve'
ON CONFLICT DO NOTHING RETURNING payment_intent_id
"""
_DECIDED = """
SELECT m.payment_intent_id, d.assessment_id, d.outcome, m.moved_at, m.amount
FROM moved_payment m CROSS JOIN LATERAL (
    SELECT d.assessment_id, coalesce(v.outcome, d.outcome) AS outcome
    FROM decision d LEFT JOIN verdict v USING (assessment_id)
    WHERE d.payment_intent_id = m.payment_intent_id
          AND d.assessment_id >= m.first_assessment AND d.assessment_id < m.next_assessment
    ORDER BY d.assessment_id DESC LIMIT 1
) AS d
WHERE m.settled_by IS NULL ORDER BY m.payment_intent_id LIMIT $1
"""
_SETTLE = """
UPDATE moved_payment AS m SET settled_by = s.assessment_id
FROM unnest($1::uuid[], $2::uuid[]) AS s (payment_intent_id, assessment_id)
WHERE m.payment_intent_id = s.payment_intent_id
"""
_FORGET = """
DELETE FROM moved_payment WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM moved_payment WHERE moved_at < $1 ORDER BY moved_at LIMIT $2 FOR UPDATE SKIP LOCKED))
"""


class Decided(NamedTuple):
    """What was decided about a payment whose money had moved; of an analyst, if any has decided."""

    payment_intent_id: UUID
    assessment_id: UUID
    outcome: RiskOutcome
    moved_at: datetime
    amount: int


async def remember(tx: Transaction, moved: Sequence[Moved]) -> bool:
    """Keep those that were not approved by now; tell whether there are any new ones."""
    rows = [(m.payment_intent_id, m.at, m.amount, first_id_of(m.at)) for m in moved]
    return bool(rows and await tx.fetch(_REMEMBER, *columns(rows, 4)))


async def load_decided(reads: Reads, limit: int) -> list[Decided]:
    """Return those that are not settled and about which risk has decided by now."""
    rows = await reads.fetch(_DECIDED, limit)
    return [Decided(p, a, RiskOutcome(outcome), at, amount) for p, a, outcome, at, amount in rows]


async def settle(tx: Transaction, decided: Sequence[Decided]) -> None:
    """Note by which assessments they have moved: nothing more is to be done about them."""
    await tx.execute(_SETTLE, *columns([(d.payment_intent_id, d.assessment_id) for d in decided], 2))


async def forget(tx: Transaction, before: datetime, limit: int) -> None:
    """Delete some that moved before then, the oldest first."""
    await tx.execute(_FORGET, before, limit)
