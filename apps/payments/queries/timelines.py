"""Read what has happened to a payment, hop by hop."""

from apps.payments.queries.intents import not_found
from apps.payments.store import timelines
from contracts.message import Envelope
from contracts.payments import GetTimeline, Timeline
from outbox.database import Database


async def get_timeline(database: Database, query: Envelope[GetTimeline]) -> Timeline:
    """Return hops of a party's payment, in order. Refused with `payment_intent_not_found`, also for others'."""
    asked = query.data
    async with database.reads() as reads:
        if not await timelines.concerns(reads, asked.payment_intent, asked.party):
            raise not_found("payment_intent")
        hops = await timelines.load_hops(reads, asked.payment_intent, asked.after, asked.limit + 1)
    shown = hops[: asked.limit]
    return Timeline(hops=shown, next_after=shown[-1].number if len(hops) > asked.limit else None)
