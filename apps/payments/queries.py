"""Answers read requests."""

from apps.payments import store
from apps.payments.domain.public_view import public_view
from contracts.message import Envelope
from contracts.payments import GetPaymentIntent, PaymentIntent
from outbox.database import Database
from outbox.responder import Refused


async def get_payment_intent(database: Database, query: Envelope[GetPaymentIntent]) -> PaymentIntent:
    """Return an intent to its customer. Raises Refused `payment_intent_not_found`, also for somebody else's."""
    asked = query.data
    async with database.reads() as reads:
        intent = await store.find(reads, asked.id)
    if intent is None or intent.customer != asked.customer:
        raise Refused("payment_intent_not_found", "There is no such payment intent among yours.", "id")
    return public_view(intent)
