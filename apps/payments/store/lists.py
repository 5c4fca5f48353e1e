"""Lists of payments, refunds and disputes: pages in the order of their ids, newest first.

A list of payments is a walk down an index, and the filters are tried on the rows that it meets, a bounded number of
them. So a page costs the same however much there is and whatever is asked for: one that ends before it is full says how
far it got, and the next one goes on from there. Pairs of metadata, which few rows may have, have an index of their own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg
import orjson

from apps.payments.domain.disputes import Dispute
from apps.payments.domain.intents import Intent
from apps.payments.domain.refunds import Refund
from apps.payments.domain.transitions import State, public_status
from apps.payments.store.disputes import dispute_of
from apps.payments.store.intents import intent_of
from apps.payments.store.refunds import refund_of
from contracts.ids import first_id_of
from contracts.money import MAX_AMOUNT
from contracts.payments import ListDisputes, ListPaymentIntents, ListRefunds
from outbox.database import Reads

WALK, WALK_BY_METADATA = 1000, 300
"""The most rows that a page looks at: some milliseconds of a database's time. The latter are found one by one."""

# Both walks run at once, each down its own index, and no further than the page needs; some rows are on both.
_INTENTS = """
WITH page AS MATERIALIZED (
    SELECT id FROM (
        SELECT DISTINCT ON (id) * FROM (
            (SELECT id, state, direction, customer, currency, amount, created_at
             FROM payment_intent WHERE customer = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4)
            UNION ALL
            (SELECT id, state, direction, customer, currency, amount, created_at
             FROM payment_intent WHERE merchant = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4)
        ) AS own ORDER BY id DESC LIMIT $4
    ) AS walked
    WHERE ($6::text[] IS NULL OR state = ANY($6)) AND ($7::text IS NULL OR direction = $7)
      AND ($8::uuid IS NULL OR customer = $8) AND ($9::text IS NULL OR currency = $9)
      AND ($10::bigint IS NULL OR amount >= $10) AND ($11::bigint IS NULL OR amount <= $11)
      AND ($12::timestamptz IS NULL OR created_at >= $12) AND ($13::timestamptz IS NULL OR created_at < $13)
    ORDER BY id DESC LIMIT $5
)
SELECT reached.id AS reached,
       i.id, i.customer, i.merchant, i.direction, i.source_wallet, i.destination_wallet, i.method, i.amount,
       i.currency, i.capture_method, i.application_fee, i.description, i.statement_descriptor, i.metadata,
       i.return_url, i.country, i.state, i.created_at, i.updated_at, i.attempt, i.assessment_id, i.transfer_id,
       i.processor, i.next_action, i.last_payment_error, i.cancellation_reason, i.authorised, i.capturing, i.captured,
       i.final_capture, i.refunding, i.refunded, i.disputed, i.lost, i.hold_id, i.held_for, i.authorisation,
       i.capture_before, i.deadline_at, i.asked_by, i.awaited, i.hops
FROM (SELECT CASE WHEN (SELECT count(*) FROM page) < $5 THEN (
          SELECT DISTINCT ON (id) id FROM (
              (SELECT id FROM payment_intent WHERE customer = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4)
              UNION ALL
              (SELECT id FROM payment_intent WHERE merchant = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4)
          ) AS own ORDER BY id DESC OFFSET $4 - 1 LIMIT 1) END
     ) AS reached (id)
LEFT JOIN page ON true LEFT JOIN payment_intent i ON i.id = page.id
ORDER BY i.id DESC
"""
# The walk is along the pair that the fewest rows have, as far as counting goes.
_INTENTS_BY_METADATA = """
WITH rarest AS MATERIALIZED (
    SELECT asked.pair FROM metadata_pairs($14::jsonb) AS asked (pair), LATERAL (
        SELECT count(*) AS found FROM (
            SELECT FROM metadata_pair m WHERE m.party = $1 AND m.pair = asked.pair AND m.intent_id < $2 LIMIT $4) AS few
    ) AS counted ORDER BY counted.found LIMIT 1
), page AS MATERIALIZED (
    SELECT walked.intent_id AS id FROM (
        SELECT m.intent_id FROM metadata_pair m
        WHERE m.party = $1 AND m.pair = (SELECT pair FROM rarest) AND m.intent_id < $2 AND m.intent_id >= $3
        ORDER BY m.intent_id DESC LIMIT $4
    ) AS walked, LATERAL (SELECT * FROM payment_intent WHERE id = walked.intent_id OFFSET 0) AS i
    WHERE metadata @> $14
      AND ($6::text[] IS NULL OR state = ANY($6)) AND ($7::text IS NULL OR direction = $7)
      AND ($8::uuid IS NULL OR customer = $8) AND ($9::text IS NULL OR currency = $9)
      AND ($10::bigint IS NULL OR amount >= $10) AND ($11::bigint IS NULL OR amount <= $11)
      AND ($12::timestamptz IS NULL OR created_at >= $12) AND ($13::timestamptz IS NULL OR created_at < $13)
    ORDER BY walked.intent_id DESC LIMIT $5
)
SELECT reached.id AS reached,
       i.id, i.customer, i.merchant, i.direction, i.source_wallet, i.destination_wallet, i.method, i.amount,
       i.currency, i.capture_method, i.application_fee, i.description, i.statement_descriptor, i.metadata,
       i.return_url, i.country, i.state, i.created_at, i.updated_at, i.attempt, i.assessment_id, i.transfer_id,
       i.processor, i.next_action, i.last_payment_error, i.cancellation_reason, i.authorised, i.capturing, i.captured,
       i.final_capture, i.refunding, i.refunded, i.disputed, i.lost, i.hold_id, i.held_for, i.authorisation,
       i.capture_before, i.deadline_at, i.asked_by, i.awaited, i.hops
FROM (SELECT CASE WHEN (SELECT count(*) FROM page) < $5 THEN (
          SELECT m.intent_id FROM metadata_pair m
          WHERE m.party = $1 AND m.pair = (SELECT pair FROM rarest) AND m.intent_id < $2 AND m.intent_id >= $3
          ORDER BY m.intent_id DESC OFFSET $4 - 1 LIMIT 1) END
     ) AS reached (id)
LEFT JOIN page ON true LEFT JOIN payment_intent i ON i.id = page.id
ORDER BY i.id DESC
"""
_REFUNDS = """
SELECT DISTINCT ON (id) id, intent_id, merchant, customer, amount, currency, reason, metadata, stage, hold_id, failure,
       asked_by, created_at, updated_at
FROM (
    (SELECT id, intent_id, merchant, customer, amount, currency, reason, metadata, stage, hold_id, failure, asked_by,
            created_at, updated_at
     FROM refund WHERE merchant = $1 AND id < $2 ORDER BY id DESC LIMIT $3)
    UNION ALL
    (SELECT id, intent_id, merchant, customer, amount, currency, reason, metadata, stage, hold_id, failure, asked_by,
            created_at, updated_at
     FROM refund WHERE customer = $1 AND id < $2 ORDER BY id DESC LIMIT $3)
) AS own ORDER BY id DESC LIMIT $3
"""
_REFUNDS_OF_INTENT = """
SELECT id, intent_id, merchant, customer, amount, currency, reason, metadata, stage, hold_id, failure, asked_by,
       created_at, updated_at
FROM refund
WHERE intent_id = $4 AND id < $2
  AND EXISTS (SELECT FROM payment_intent i WHERE i.id = $4 AND (i.customer = $1 OR i.merchant = $1))
ORDER BY id DESC LIMIT $3
"""
_DISPUTES = """
WITH page AS MATERIALIZED (
    SELECT id FROM (
        SELECT DISTINCT ON (id) * FROM (
            (SELECT id, status FROM dispute WHERE merchant = $1 AND id < $2 ORDER BY id DESC LIMIT $4)
            UNION ALL
            (SELECT id, status FROM dispute WHERE customer = $1 AND id < $2 ORDER BY id DESC LIMIT $4)
        ) AS own ORDER BY id DESC LIMIT $4
    ) AS walked
    WHERE $5::text IS NULL OR status = $5 ORDER BY id DESC LIMIT $3
)
SELECT reached.id AS reached,
       d.id, d.intent_id, d.merchant, d.customer, d.processor, d.reference, d.amount, d.contested, d.currency,
       d.reason, d.status, d.funds, d.hold_id, d.evidence, d.evidence_due_by, d.asked_by, d.created_at,
       d.updated_at
FROM (SELECT CASE WHEN (SELECT count(*) FROM page) < $3 THEN (
          SELECT DISTINCT ON (id) id FROM (
              (SELECT id FROM dispute WHERE merchant = $1 AND id < $2 ORDER BY id DESC LIMIT $4)
              UNION ALL
              (SELECT id FROM dispute WHERE customer = $1 AND id < $2 ORDER BY id DESC LIMIT $4)
          ) AS own ORDER BY id DESC OFFSET $4 - 1 LIMIT 1) END
     ) AS reached (id)
LEFT JOIN page ON true LEFT JOIN dispute d ON d.id = page.id
ORDER BY d.id DESC
"""
_DISPUTES_OF_INTENT = """
SELECT id, intent_id, merchant, customer, processor, reference, amount, contested, currency, reason, status, funds,
       hold_id, evidence, evidence_due_by, asked_by, created_at, updated_at
FROM dispute
WHERE intent_id = $4 AND id < $2 AND ($5::text IS NULL OR status = $5)
  AND EXISTS (SELECT FROM payment_intent i WHERE i.id = $4 AND (i.customer = $1 OR i.merchant = $1))
ORDER BY id DESC LIMIT $3
"""
_FIRST_ID, _LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
_BEGINNING, _END = datetime(1971, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
# An intent has its id before it is created, by as long as its command was on the way, or after it, where clocks differ.
_ON_THE_WAY, _CLOCKS = timedelta(days=30), timedelta(days=1)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list; `next_before` continues after it, and is None at the end. It may be empty before the end."""

    items: list[T]
    next_before: UUID | None


async def load_intents(reads: Reads, asked: ListPaymentIntents) -> Page[Intent]:
    """Return intents of which the party is customer or merchant and that pass every filter, newest first."""
    below, above = _between(asked)
    filters = (
        [state.value for state in State if public_status(state) is asked.status] if asked.status else None,
        asked.direction,
        asked.customer,
        asked.currency,
        _in_range(asked.amount_from),
        _in_range(asked.amount_to),
        _in_time(asked.created_from),
        _in_time(asked.created_to),
    )
    if asked.metadata:
        pairs = orjson.dumps(asked.metadata).decode()
        walked = (below, above, WALK_BY_METADATA, asked.limit + 1)
        rows = await reads.fetch(_INTENTS_BY_METADATA, asked.party, *walked, *filters, pairs)
    else:
        rows = await reads.fetch(_INTENTS, asked.party, below, above, WALK, asked.limit + 1, *filters)
    return _page(rows, asked.limit, intent_of)


async def load_refunds(reads: Reads, asked: ListRefunds) -> Page[Refund]:
    """Return refunds of the party's payments, or of one of them, newest first."""
    below, several = asked.before or _LAST_ID, asked.limit + 1
    if asked.payment_intent is None:
        rows = await reads.fetch(_REFUNDS, asked.party, below, several)
    else:
        rows = await reads.fetch(_REFUNDS_OF_INTENT, asked.party, below, several, asked.payment_intent)
    return _page(rows, asked.limit, refund_of)


async def load_disputes(reads: Reads, asked: ListDisputes) -> Page[Dispute]:
    """Return disputes of the party's payments, or of one of them, newest first."""
    below, several = asked.before or _LAST_ID, asked.limit + 1
    if asked.payment_intent is None:
        rows = await reads.fetch(_DISPUTES, asked.party, below, several, WALK, asked.status)
    else:
        rows = await reads.fetch(_DISPUTES_OF_INTENT, asked.party, below, several, asked.payment_intent, asked.status)
    return _page(rows, asked.limit, dispute_of)


def _page(rows: Sequence[asyncpg.Record], limit: int, made_of: Callable[[asyncpg.Record], T]) -> Page[T]:
    """Make a page of rows, of which one more was asked for than it shows.

    Where there are fewer, the walk may have ended before the list: `reached` is how far it got.
    """
    found = [row for row in rows if row["id"] is not None]
    if len(found) > limit:
        return Page([made_of(row) for row in found[:limit]], found[limit - 1]["id"])
    return Page([made_of(row) for row in found], rows[0].get("reached") if rows else None)


def _between(asked: ListPaymentIntents) -> tuple[UUID, UUID]:
    """Return ids below and from which the walk is: a day that was asked for is not looked for from today on."""
    below, above = asked.before or _LAST_ID, _FIRST_ID
    if created_to := _in_time(asked.created_to):
        below = min(below, first_id_of(created_to + _CLOCKS))
    if created_from := _in_time(asked.created_from):
        above = first_id_of(created_from - _ON_THE_WAY)
    return below, above


def _in_time(instant: datetime | None) -> datetime | None:
    """Return an instant that the database can compare, and ids can tell."""
    return None if instant is None else max(_BEGINNING, min(instant, _END))


def _in_range(amount: int | None) -> int | None:
    """Return an amount that the database can compare: above all amounts there is only one."""
    return None if amount is None else max(0, min(amount, MAX_AMOUNT + 1))
