"""Limits, what payments have used of them, and what came free. Who changes use has the turn (store.decisions)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from apps.risk.domain.limits import Counted, Ended, Limit, Releases, Use, day_of, first_of_month
from apps.risk.domain.screening.standing import Standing as Screened
from contracts.ids import made_at
from contracts.risk import LimitChange, SetLimit, Tier, TierLimit
from outbox.database import Reads, columns
from outbox.transaction import Transaction

ALL_OTHERS = "*"
"""Stands for all currencies that have no limit of their own."""

_STANDINGS = """
SELECT asked.payer, asked.currency, coalesce(c.tier, 'unverified') AS tier, c.registered_at, l.per_payment, l.per_day,
       l.per_month, u.day, u.month, s.status AS screening
FROM unnest($1::uuid[], $2::text[]) AS asked (payer, currency)
LEFT JOIN customer c ON c.user_id = asked.payer
LEFT JOIN customer_screening s ON s.customer = asked.payer
LEFT JOIN LATERAL (
    SELECT per_payment, per_day, per_month FROM tier_limit
    WHERE tier = coalesce(c.tier, 'unverified') AND currency IN (asked.currency, '*')
    ORDER BY currency = '*' LIMIT 1
) AS l ON true
LEFT JOIN LATERAL (
    SELECT coalesce(sum(used) FILTER (WHERE day = $3), 0)::bigint AS day, coalesce(sum(used), 0)::bigint AS month
    FROM limit_use WHERE payer = asked.payer AND currency = asked.currency AND day BETWEEN $4 AND $3
) AS u ON true
"""
_CURRENCIES = "SELECT DISTINCT currency FROM limit_use WHERE payer = $1 AND day BETWEEN $2 AND $3 ORDER BY currency"
# What was decided after its attempt had ended, since risk was late, counts no more than what was kept of it.
_COUNT = """
INSERT INTO limit_use AS u (payer, currency, day, used)
SELECT m.payer, m.currency, m.day,
       sum(CASE WHEN m.made_at < r.ended_at THEN least(m.amount, r.kept) ELSE m.amount END)
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[], $5::bigint[], $6::date[])
     AS m (payment_intent_id, made_at, payer, currency, amount, day)
LEFT JOIN limit_release r USING (payment_intent_id)
GROUP BY m.payer, m.currency, m.day ORDER BY m.payer, m.currency, m.day
ON CONFLICT (payer, currency, day) DO UPDATE SET used = u.used + excluded.used
"""
_COUNTED = """
SELECT payment_intent_id, assessment_id, payer, request->>'currency' AS currency,
       (request->>'amount')::bigint AS amount, coalesce(v.decided_at, d.decided_at) AS counted_at
FROM decision d LEFT JOIN verdict v USING (assessment_id)
WHERE payment_intent_id = ANY($1::uuid[]) AND coalesce(v.outcome, d.outcome) = 'approve' AND request IS NOT NULL
"""
_ENDS = "SELECT payment_intent_id, ended_at, kept FROM limit_release WHERE payment_intent_id = ANY($1::uuid[])"
_RELEASE = """
WITH remembered AS (
    INSERT INTO limit_release AS r (payment_intent_id, ended_at, kept)
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[])
    ON CONFLICT (payment_intent_id) DO UPDATE SET ended_at = excluded.ended_at, kept = excluded.kept
), free AS (
    SELECT payer, currency, day, sum(amount)::bigint AS amount
    FROM unnest($4::uuid[], $5::text[], $6::date[], $7::bigint[]) AS f (payer, currency, day, amount)
    GROUP BY payer, currency, day
)
UPDATE limit_use AS u SET used = greatest(0, u.used - f.amount)
FROM free f WHERE u.payer = f.payer AND u.currency = f.currency AND u.day = f.day
"""
_FORGET_USE = """
DELETE FROM limit_use WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM limit_use WHERE day < $1 ORDER BY day LIMIT $2 FOR UPDATE SKIP LOCKED))
"""
_FORGET_ENDS = """
DELETE FROM limit_release WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM limit_release WHERE ended_at < $1 ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED))
"""
_LIMITS = """
SELECT tier, currency, per_payment, per_day, per_month, changed_by, changed_at FROM tier_limit
WHERE $1::text IS NULL OR tier = $1
ORDER BY array_position('{unverified,verified,business}'::text[], tier), currency
"""
_SET = """
INSERT INTO tier_limit (tier, currency, per_payment, per_day, per_month, changed_by, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tier, currency) DO UPDATE
SET per_payment = excluded.per_payment, per_day = excluded.per_day, per_month = excluded.per_month,
    changed_by = excluded.changed_by, changed_at = excluded.changed_at
"""
_RECORD = """
INSERT INTO limit_change (tier, currency, per_payment, per_day, per_month, changed_by, changed_at, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_CHANGES = """
SELECT number, reason, tier, currency, per_payment, per_day, per_month, changed_by, changed_at FROM limit_change
WHERE number < $1 ORDER BY number DESC LIMIT $2
"""
_LAST_NUMBER = 2**63 - 1


class Account(NamedTuple):
    """Whose payments in which currency count together."""

    payer: UUID
    currency: str


class Standing(NamedTuple):
    """How a payer stands in a currency: the tier, since when they are a customer, their limit and what is used.

    `screening` is where they stand with sanctions lists.
    """

    tier: Tier
    registered_at: datetime | None
    limit: Limit | None
    use: Use
    screening: Screened


async def load_standings(reads: Reads, accounts: Collection[Account], day: date) -> dict[Account, Standing]:
    """Return how payers stand on a day, in one query."""
    rows = await reads.fetch(_STANDINGS, *columns(list(accounts), 2), day, first_of_month(day))
    return {Account(row["payer"], row["currency"]): _standing(row) for row in rows}


async def load_currencies(reads: Reads, payer: UUID, day: date) -> list[str]:
    """Return the currencies in which a payer has used something in the month of a day, up to then."""
    rows = await reads.fetch(_CURRENCIES, payer, first_of_month(day), day)
    return [row["currency"] for row in rows]


async def count(tx: Transaction, approved: Sequence[Counted]) -> None:
    """Count approved payments against their payers' limits."""
    rows = [(c.payment_intent_id, made_at(c.assessment_id), c.payer, c.currency, c.amount, c.day) for c in approved]
    if rows:
        await tx.execute(_COUNT, *columns(rows, 6))


async def load_counted(tx: Transaction, payments: Collection[UUID]) -> list[Counted]:
    """Return what was approved of payments, also by analysts; what was decided before limits were counted is not."""
    rows = await tx.fetch(_COUNTED, list(payments))
    return [Counted._make((*itself, day_of(counted_at))) for *itself, counted_at in rows]


async def load_ends(tx: Transaction, payments: Collection[UUID]) -> dict[UUID, Ended]:
    """Return the newest end that is known of each of those payments that have one."""
    return {row["payment_intent_id"]: Ended(*row) for row in await tx.fetch(_ENDS, list(payments))}


async def save_releases(tx: Transaction, releases: Releases) -> None:
    """Set free what counts no longer, and remember that it is."""
    if releases.ends:
        await tx.execute(_RELEASE, *columns(releases.ends, 3), *columns(releases.amounts, 4))


async def forget_use(tx: Transaction, before: date, limit: int) -> None:
    """Delete some of what was used before that day, the oldest first."""
    await tx.execute(_FORGET_USE, before, limit)


async def forget_ends(tx: Transaction, before: datetime, limit: int) -> None:
    """Delete some of the ends of before then, the oldest first."""
    await tx.execute(_FORGET_ENDS, before, limit)


async def load_limits(reads: Reads, tier: Tier | None) -> list[TierLimit]:
    """Return the limits that hold, or those of one tier."""
    return [_limit(row) for row in await reads.fetch(_LIMITS, tier.value if tier else None)]


async def load_changes(reads: Reads, before: int | None, limit: int) -> list[LimitChange]:
    """Return changes of limits, newest first."""
    rows = await reads.fetch(_CHANGES, before or _LAST_NUMBER, limit)
    return [LimitChange(number=row["number"], limit=_limit(row), reason=row["reason"]) for row in rows]


async def set_limit(tx: Transaction, asked: SetLimit) -> TierLimit:
    """Let other limits hold from the next decision on, and record who has changed them, and why."""
    limit = Limit(asked.per_payment, asked.per_day, asked.per_month)
    row = (asked.tier.value, asked.currency or ALL_OTHERS, *limit, asked.changed_by, tx.now)
    await tx.execute(_SET, *row)
    await tx.execute(_RECORD, *row, asked.reason)
    facts = asked.model_dump(exclude={"reason", "idempotency"})
    return TierLimit.model_validate(facts | {"changed_at": tx.now})


def _standing(row: asyncpg.Record) -> Standing:
    limit = Limit(row["per_payment"], row["per_day"], row["per_month"]) if row["per_payment"] is not None else None
    screening = Screened(row["screening"] or Screened.UNKNOWN)
    return Standing(Tier(row["tier"]), row["registered_at"], limit, Use(row["day"], row["month"]), screening)


def _limit(row: asyncpg.Record) -> TierLimit:
    currency = None if row["currency"] == ALL_OTHERS else row["currency"]
    names: Iterable[str] = TierLimit.model_fields.keys()
    return TierLimit.model_validate({name: row[name] for name in names} | {"currency": currency})
