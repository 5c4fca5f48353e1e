"""Decisions about payments, and what was seen of their payers."""

from collections.abc import Collection
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from apps.risk.domain.assessment import Decided, Decision
from apps.risk.domain.history import MINUTES_IN_WINDOW, Bucket, Seen
from apps.risk.domain.review import analysts_rules
from contracts.risk import FiredRule, RiskOutcome
from outbox.database import columns
from outbox.transaction import Transaction

# One batch at a time: what a batch reads of a payer is all that was decided before it, whichever replica decided.
_TURN = 7101
_TAKE_TURN = "SELECT pg_advisory_xact_lock($1)"
_DECISIONS = """
SELECT assessment_id, payment_intent_id, payer, d.outcome, rules::text AS rules, d.decided_at,
       v.outcome AS verdict, note, v.decided_at AS reviewed_at
FROM decision d LEFT JOIN verdict v USING (assessment_id) WHERE assessment_id = ANY($1::uuid[])
"""
_SEEN = """
SELECT asked.payer, asked.currency, asked.minute,
       (SELECT coalesce(sum(b.amount), 0)::bigint FROM payer_minute b
        WHERE b.payer = asked.payer AND b.currency = asked.currency
          AND b.minute BETWEEN asked.minute - $4::integer AND asked.minute),
       (SELECT coalesce(sum(b.payments), 0)::bigint FROM payer_minute b
        WHERE b.payer = asked.payer AND b.minute = asked.minute),
       (SELECT coalesce(sum(b.payments), 0)::bigint FROM payer_minute b
        WHERE b.payer = asked.payer AND b.minute = asked.minute - 1)
FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS asked (payer, currency, minute)
"""
_SAVE = """
WITH counted AS (
    INSERT INTO payer_minute AS b (payer, currency, minute, payments, amount)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::bigint[])
    ON CONFLICT (payer, currency, minute)
    DO UPDATE SET payments = b.payments + excluded.payments, amount = b.amount + excluded.amount
), opened AS (
    INSERT INTO review (assessment_id, payment_intent_id, source_wallet, destination_wallet, amount, currency,
                        direction, method, subject)
    SELECT * FROM unnest($12::uuid[], $13::uuid[], $14::uuid[], $15::uuid[], $16::bigint[], $17::text[], $18::text[],
                         $19::text[], $20::text[])
)
INSERT INTO decision (assessment_id, payment_intent_id, payer, outcome, rules, decided_at)
SELECT id, payment_intent_id, payer, outcome, rules::jsonb, decided_at
FROM unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::text[], $10::text[], $11::timestamptz[])
     AS made (id, payment_intent_id, payer, outcome, rules, decided_at)
"""
_FORGET = """
DELETE FROM payer_minute WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM payer_minute WHERE minute < $1 ORDER BY minute LIMIT $2 FOR UPDATE SKIP LOCKED))
"""
_RULES = TypeAdapter(tuple[FiredRule, ...])


async def take_turn(tx: Transaction) -> None:
    """Wait until no other batch is being decided; the turn ends with the transaction."""
    await tx.fetchval(_TAKE_TURN, _TURN)


async def load_decisions(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, Decision]:
    """Return the decisions about those assessments that were decided before, by assessment id; an analyst's if any."""
    return {row["assessment_id"]: _decision(row) for row in await tx.fetch(_DECISIONS, list(ids))}


async def load_seen(tx: Transaction, buckets: Collection[Bucket]) -> dict[Bucket, Seen]:
    """Return what is recorded of the payers, as seen from each bucket."""
    if not buckets:
        return {}
    asked = columns([(b.payer, b.currency, b.minute) for b in buckets], 3)
    rows = await tx.fetch(_SEEN, *asked, MINUTES_IN_WINDOW)
    return {Bucket(*row[:3]): Seen(*row[3:]) for row in rows}


async def save(tx: Transaction, decided: Decided) -> None:
    """Record new decisions, count their payments, and open the reviews."""
    if not decided.new:
        return
    counts = sorted((b.payer, b.currency, b.minute, c.payments, c.amount) for b, c in decided.additions)
    decisions = [
        (
            d.assessment_id,
            d.payment_intent_id,
            d.payer,
            d.outcome.value,
            _RULES.dump_json(d.rules).decode(),
            d.decided_at,
        )
        for d in decided.new
    ]
    reviews = [
        (
            a.id,
            a.payment_intent_id,
            a.source_wallet,
            a.destination_wallet,
            a.amount,
            a.currency,
            a.direction,
            a.method,
            a.subject,
        )
        for a in decided.to_review
    ]
    await tx.execute(_SAVE, *columns(counts, 5), *columns(decisions, 6), *columns(reviews, 9))


async def delete_minutes_before(tx: Transaction, minute: int, limit: int) -> None:
    """Delete at most `limit` of the oldest buckets that are before `minute`."""
    await tx.execute(_FORGET, minute, limit)


def _decision(row: asyncpg.Record) -> Decision:
    identifier, payment_intent_id, payer, outcome, rules, decided_at, verdict, note, reviewed_at = row
    if verdict is None:
        fired = _RULES.validate_json(rules)
        return Decision(identifier, payment_intent_id, payer, RiskOutcome(outcome), fired, decided_at)
    reviewed = RiskOutcome(verdict)
    return Decision(identifier, payment_intent_id, payer, reviewed, analysts_rules(reviewed, note), reviewed_at)
