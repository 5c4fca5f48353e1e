"""Cases and what happened with them. Events are only added."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from apps.risk.domain.cases import Case, CasePolicy, Change, NewCase, Opinion, opened
from contracts.risk import CaseEvent, CaseKind, CaseStatus, ListCases, RiskOutcome
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_OPEN = """
WITH opened AS (
    INSERT INTO risk_case (id, kind, title, customer, payment_intent_id, amount, currency, four_eyes, opened_at, due_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[],
                         $8::boolean[], $9::timestamptz[], $10::timestamptz[])
    ON CONFLICT DO NOTHING RETURNING id, title, opened_at
)
INSERT INTO case_event (case_id, number, kind, at, body)
SELECT id, 1, 'opened', opened_at, jsonb_build_object('text', title) FROM opened
"""
_LOCK = "SELECT * FROM risk_case WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"
_LOCK_OF_PAYMENTS = """
SELECT * FROM risk_case
WHERE payment_intent_id = ANY($1::uuid[]) AND kind = 'payment' AND status IN ('open', 'awaiting_second_decision')
ORDER BY id FOR UPDATE
"""
_SAVE = """
UPDATE risk_case AS c
SET status = n.status, assignee = n.assignee, claimed_until = n.claimed_until, first_outcome = n.first_outcome,
    first_by = n.first_by, first_reason = n.first_reason, first_at = n.first_at, last_outcome = n.last_outcome,
    last_by = n.last_by, last_reason = n.last_reason, last_at = n.last_at, outcome = n.outcome,
    closed_at = n.closed_at, events = n.events
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::text[], $6::uuid[], $7::text[],
            $8::timestamptz[], $9::text[], $10::uuid[], $11::text[], $12::timestamptz[], $13::text[],
            $14::timestamptz[], $15::smallint[])
     AS n (id, status, assignee, claimed_until, first_outcome, first_by, first_reason, first_at, last_outcome, last_by,
           last_reason, last_at, outcome, closed_at, events)
WHERE c.id = n.id
"""
_ADD_EVENTS = """
INSERT INTO case_event (case_id, number, kind, actor, at, body)
SELECT case_id, number, kind, actor, at, body::jsonb
FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::uuid[], $5::timestamptz[], $6::text[])
     AS added (case_id, number, kind, actor, at, body)
"""
_ONE = "SELECT * FROM risk_case WHERE id = $1"
_NEWEST_OF_PAYMENTS = """
SELECT DISTINCT ON (payment_intent_id) * FROM risk_case WHERE payment_intent_id = ANY($1::uuid[]) AND kind = 'payment'
ORDER BY payment_intent_id, id DESC
"""
# Those that are to be decided, by the index of the queue.
_QUEUE = """
SELECT * FROM risk_case
WHERE status IN ('open', 'awaiting_second_decision')
      AND ($1::uuid IS NULL OR (due_at, id) > (SELECT b.due_at, b.id FROM risk_case b WHERE b.id = $1))
      AND ($2::text IS NULL OR kind = $2)
      AND ($3::uuid IS NULL OR assignee = $3 AND claimed_until > $4)
      AND ($5::boolean IS NULL OR (due_at <= $4) = $5)
      AND CASE $6 WHEN 'open' THEN status = 'open' AND (claimed_until IS NULL OR claimed_until <= $4)
                  WHEN 'claimed' THEN status = 'open' AND claimed_until > $4
                  WHEN 'awaiting_second_decision' THEN status = 'awaiting_second_decision'
                  ELSE true END
ORDER BY due_at, id LIMIT $7
"""
_DONE = """
SELECT * FROM risk_case
WHERE status = $1
      AND ($2::uuid IS NULL OR (due_at, id) > (SELECT b.due_at, b.id FROM risk_case b WHERE b.id = $2))
      AND ($3::text IS NULL OR kind = $3)
ORDER BY due_at, id LIMIT $4
"""
_EVENTS = """
SELECT number, kind, actor, at, body::text AS body FROM case_event WHERE case_id = $1 AND number > $2
ORDER BY number LIMIT $3
"""
_WAITING = """
SELECT kind, count(*) AS open, count(*) FILTER (WHERE due_at <= $1) AS overdue FROM risk_case
WHERE status IN ('open', 'awaiting_second_decision') GROUP BY kind
"""


async def open_cases(tx: Transaction, cases: Iterable[NewCase], policy: CasePolicy) -> None:
    """Open a case about each; one that is there already stays as it is."""
    made = [opened(new, policy, tx.now) for new in cases]
    if made:
        rows = [
            (
                c.id,
                c.kind.value,
                c.title,
                c.customer,
                c.payment_intent_id,
                c.amount,
                c.currency,
                c.four_eyes,
                c.opened_at,
                c.due_at,
            )
            for c in made
        ]
        await tx.execute(_OPEN, *columns(rows, 10))


async def lock(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, Case]:
    """Return those cases that there are, by id, and keep them as they are to the end of the transaction."""
    return {row["id"]: _case(row) for row in await tx.fetch(_LOCK, list(ids))}


async def lock_of_payments(tx: Transaction, payment_intents: Collection[UUID]) -> list[Case]:
    """Return the cases of payments that are not closed, and keep them as they are to the end of the transaction."""
    return [_case(row) for row in await tx.fetch(_LOCK_OF_PAYMENTS, list(payment_intents))]


async def save(tx: Transaction, changes: Sequence[Change]) -> None:
    """Record what happened with cases, in order; of several changes of one case the last is how it stands."""
    if not changes:
        return
    now = {change.case.id: change.case for change in changes}
    await tx.execute(_SAVE, *columns([_row(case) for case in now.values()], 15))
    events = [
        (e.case_id, e.number, e.kind.value, e.actor, e.at, orjson.dumps(dict(e.body)).decode())
        for e in (change.event for change in changes)
    ]
    await tx.execute(_ADD_EVENTS, *columns(events, 6))


async def load_one(reads: Reads, case_id: UUID) -> Case | None:
    """Return one case, None where there is none."""
    row = await reads.fetchrow(_ONE, case_id)
    return _case(row) if row else None


async def load_newest_of_payments(reads: Reads, payment_intents: Collection[UUID]) -> dict[UUID, Case]:
    """Return the newest case of each of those payments that have one, by payment intent."""
    rows = await reads.fetch(_NEWEST_OF_PAYMENTS, list(payment_intents))
    return {row["payment_intent_id"]: _case(row) for row in rows}


async def load_page(reads: Reads, asked: ListCases, now: datetime, limit: int) -> list[Case]:
    """Return cases, the one due first first, those after the case `asked.after`."""
    kind = asked.kind.value if asked.kind else None
    if asked.status in {CaseStatus.DECIDED, CaseStatus.CANCELED}:
        if asked.overdue or asked.assignee:  # nobody has it in hand, and it is late no more
            return []
        return [_case(row) for row in await reads.fetch(_DONE, asked.status.value, asked.after, kind, limit)]
    status = asked.status.value if asked.status else None
    rows = await reads.fetch(_QUEUE, asked.after, kind, asked.assignee, now, asked.overdue, status, limit)
    return [_case(row) for row in rows]


async def load_events(reads: Reads, case_id: UUID, after: int, limit: int) -> list[CaseEvent]:
    """Return what happened with a case, oldest first."""
    return [_event(row) for row in await reads.fetch(_EVENTS, case_id, after, limit)]


async def count_waiting(reads: Reads, now: datetime) -> dict[CaseKind, tuple[int, int]]:
    """Return how many cases are to be decided, and how many of them should have been by now, by kind."""
    return {CaseKind(row["kind"]): (row["open"], row["overdue"]) for row in await reads.fetch(_WAITING, now)}


def _row(case: Case) -> tuple[object, ...]:
    return (
        case.id,
        case.status.value,
        case.assignee,
        case.claimed_until,
        *_opinion_row(case.first),
        *_opinion_row(case.last),
        case.outcome.value if case.outcome else None,
        case.closed_at,
        case.events,
    )


def _opinion_row(opinion: Opinion | None) -> tuple[object, ...]:
    if opinion is None:
        return (None, None, None, None)
    return opinion.outcome.value, opinion.decided_by, opinion.reason, opinion.decided_at


def _opinion(outcome: str | None, by: UUID, reason: str, at: datetime) -> Opinion | None:
    return None if outcome is None else Opinion(RiskOutcome(outcome), by, reason, at)


def _case(row: asyncpg.Record) -> Case:
    return Case(
        id=row["id"],
        kind=CaseKind(row["kind"]),
        title=row["title"],
        customer=row["customer"],
        payment_intent_id=row["payment_intent_id"],
        amount=row["amount"],
        currency=row["currency"],
        four_eyes=row["four_eyes"],
        opened_at=row["opened_at"],
        due_at=row["due_at"],
        status=CaseStatus(row["status"]),
        assignee=row["assignee"],
        claimed_until=row["claimed_until"],
        first=_opinion(row["first_outcome"], row["first_by"], row["first_reason"], row["first_at"]),
        last=_opinion(row["last_outcome"], row["last_by"], row["last_reason"], row["last_at"]),
        outcome=RiskOutcome(row["outcome"]) if row["outcome"] else None,
        closed_at=row["closed_at"],
        events=row["events"],
    )


def _event(row: asyncpg.Record) -> CaseEvent:
    known: dict[str, Any] = orjson.loads(row["body"])
    facts = {"number": row["number"], "kind": row["kind"], "actor": row["actor"], "at": row["at"]}
    return CaseEvent.model_validate(facts | known)
