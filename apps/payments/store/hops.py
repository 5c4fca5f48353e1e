"""The hops of payments: what has happened to each, in order. Insert-only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbox.database import columns
from outbox.transaction import Transaction

_INSERT = """
INSERT INTO hop (intent_id, number, at, trigger, state, cause, operation, event_id, event, data)
SELECT intent_id, number, at, trigger, state, cause, operation, event_id, event, data::json
FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::text[], $5::text[], $6::uuid[], $7::uuid[],
            $8::uuid[], $9::text[], $10::text[])
     AS new (intent_id, number, at, trigger, state, cause, operation, event_id, event, data)
"""


@dataclass(frozen=True, slots=True)
class HopRow:
    """One thing that happened to a payment, its refunds or its disputes.

    `cause` is the id of the message that it follows from, `operation` the operation that it is about. A public one has
    the id of its event, its type ("payment_intent.succeeded") and its data as JSON; `customer` and `merchant` are who
    may hear of it, in the trace of what it follows from.
    """

    intent_id: UUID
    number: int
    at: datetime
    trigger: str
    state: str
    cause: UUID | None
    operation: UUID | None
    event_id: UUID | None
    event: str | None
    data: str | None
    customer: UUID
    merchant: UUID | None
    traceparent: str | None = None


async def insert(tx: Transaction, hops: Sequence[HopRow]) -> None:
    """Add hops."""
    rows = [
        (h.intent_id, h.number, h.at, h.trigger, h.state, h.cause, h.operation, h.event_id, h.event, h.data)
        for h in hops
    ]
    if rows:
        await tx.execute(_INSERT, *columns(rows, 10))
