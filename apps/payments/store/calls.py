"""Operations at processors that a worker has to act on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.payments.domain.operations import Operation
from apps.payments.store.operations import operation_of
from outbox.database import columns
from outbox.transaction import Transaction

_CLAIM = """
WITH due AS (
    SELECT found.id, found.was_sent
    FROM unnest($2::text[], $3::integer[]) AS room (processor, slots)
    CROSS JOIN LATERAL (
        SELECT o.id, o.leased_by IS NOT NULL AS was_sent FROM operation AS o
        WHERE o.next_at <= $1 AND o.processor = room.processor
        ORDER BY o.next_at LIMIT room.slots FOR UPDATE SKIP LOCKED
    ) AS found
)
UPDATE operation AS o SET leased_by = $4, next_at = $5
FROM due WHERE o.id = due.id
RETURNING o.id, o.intent_id, o.subject_id, o.verb, o.processor, o.amount, o.asked, o.asked_at, o.reference, o.status,
          o.problem, o.tries, o.next_at, o.leased_by, o.settled_at, due.was_sent,
          (SELECT coalesce(d.asked_by, r.asked_by, i.asked_by) ->> 'traceparent'
           FROM payment_intent i LEFT JOIN refund r ON r.id = o.subject_id LEFT JOIN dispute d ON d.id = o.subject_id
           WHERE i.id = o.intent_id) AS traceparent
"""
_POSTPONE = """
UPDATE operation AS o
SET tries = p.tries, next_at = p.next_at, leased_by = p.leased_by,
    status = CASE WHEN p.attention THEN 'attention' ELSE o.status END
FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::uuid[], $5::boolean[])
     AS p (id, tries, next_at, leased_by, attention)
WHERE o.id = p.id AND o.leased_by = $6 AND o.settled_at IS NULL
RETURNING o.id
"""


_TAKE_STRANGERS = """
WITH strange AS (
    SELECT id FROM operation WHERE next_at <= $1 AND processor IS NOT NULL AND processor <> ALL ($2::text[])
    ORDER BY next_at LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE operation AS o SET status = 'attention', next_at = $3
FROM strange WHERE o.id = strange.id
RETURNING o.id, o.intent_id, o.subject_id, o.verb, o.processor, o.amount, o.asked, o.asked_at, o.reference, o.status,
          o.problem, o.tries, o.next_at, o.leased_by, o.settled_at
"""


@dataclass(frozen=True, slots=True)
class DueOperation:
    """An operation in a worker's hands. `was_sent`: some worker had it before, so it may have reached the processor.

    Calls are part of the trace of the command that it follows from, which `traceparent` names.
    """

    operation: Operation
    was_sent: bool
    traceparent: str | None = None

    @property
    def processor(self) -> str:
        """The processor that it is for."""
        return str(self.operation.processor)


@dataclass(frozen=True, slots=True)
class Postponed:
    """When an operation is due again; `leased_by` None: it certainly did not reach anybody."""

    id: UUID
    tries: int
    next_at: datetime
    leased_by: UUID | None
    attention: bool


async def claim(tx: Transaction, worker: UUID, room: Mapping[str, int], until: datetime) -> list[DueOperation]:
    """Take what is due, the longest due first, at most so many of each processor as there is room for.

    Until `until` nobody else takes them.
    """
    if not room:
        return []
    rows = await tx.fetch(_CLAIM, tx.now, list(room), list(room.values()), worker, until)
    return [DueOperation(operation_of(row), row["was_sent"], row["traceparent"]) for row in rows]


async def postpone(tx: Transaction, worker: UUID, postponed: Sequence[Postponed]) -> set[UUID]:
    """Say when those are due again that are unsettled and still this worker's; return the ids of those."""
    rows = [(p.id, p.tries, p.next_at, p.leased_by, p.attention) for p in postponed]
    return {row["id"] for row in await tx.fetch(_POSTPONE, *columns(rows, 5), worker)} if rows else set()


async def take_strangers(tx: Transaction, known: Sequence[str], until: datetime, limit: int) -> list[Operation]:
    """Note that those that are due at other processors than the `known` need attention, and leave them until then."""
    return [operation_of(row) for row in await tx.fetch(_TAKE_STRANGERS, tx.now, list(known), until, limit)]
