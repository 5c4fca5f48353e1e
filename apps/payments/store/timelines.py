"""Timelines: the hops of one payment, in order."""

from uuid import UUID

import asyncpg
import orjson

from apps.payments.domain.transitions import State, public_status
from contracts.payments import Hop
from outbox.database import Reads

_CONCERNS = "SELECT EXISTS (SELECT FROM payment_intent WHERE id = $1 AND (customer = $2 OR merchant = $2))"
_HOPS = """
SELECT number, at, trigger, state, cause, operation, event_id, event, data
FROM hop WHERE intent_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""
_MOST_HOPS = 2**31 - 1


async def concerns(reads: Reads, intent_id: UUID, party: UUID) -> bool:
    """Tell whether there is such an intent, and the party is its customer or merchant."""
    does: bool = await reads.fetchval(_CONCERNS, intent_id, party)
    return does


async def load_hops(reads: Reads, intent_id: UUID, after: int, limit: int) -> list[Hop]:
    """Return hops of an intent in order, those with a number above `after`."""
    rows = await reads.fetch(_HOPS, intent_id, max(0, min(after, _MOST_HOPS)), limit)
    return [_hop(row) for row in rows]


def _hop(row: asyncpg.Record) -> Hop:
    return Hop(
        number=row["number"],
        at=row["at"],
        trigger=row["trigger"],
        state=row["state"],
        status=public_status(State(row["state"])),
        cause=row["cause"],
        operation=row["operation"],
        event_id=row["event_id"],
        event=row["event"],
        data=orjson.loads(row["data"]) if row["data"] else None,
    )
