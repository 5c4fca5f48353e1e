"""Answers what is asked about labels, and how good decisions were by them."""

from apps.risk.domain.quality import measure
from apps.risk.store import labels, quality
from contracts.message import Envelope
from contracts.risk import GetLabel, GetQuality, PaymentLabel, Quality
from outbox.database import Database
from outbox.responder import Refused


async def get_label(database: Database, query: Envelope[GetLabel]) -> PaymentLabel:
    """Return what a payment was. Raises Refused `label_not_found`."""
    async with database.reads() as reads:
        found = await labels.load_one(reads, query.data.payment_intent_id)
    if found is None:
        raise Refused("label_not_found", "Nobody has said what this payment was.", "payment_intent_id")
    return found


async def get_quality(database: Database, query: Envelope[GetQuality]) -> Quality:
    """Return how good the decisions of a time were."""
    since, until = query.data.since, query.data.until
    async with database.reads() as reads:
        counted = await quality.count(reads, since, until)
    return measure(counted.decided, counted.fired, since, until, is_whole=counted.is_whole)
