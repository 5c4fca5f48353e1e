"""Read payment intents: one, or a page of those that pass some filters."""

from apps.payments.domain.public_view import public_view
from apps.payments.store import intents, lists
from contracts.message import Envelope
from contracts.payments import GetPaymentIntent, ListPaymentIntents, PaymentIntent, PaymentIntentPage
from outbox.database import Database
from outbox.responder import Refused


async def get_payment_intent(database: Database, query: Envelope[GetPaymentIntent]) -> PaymentIntent:
    """Return an intent to its customer or merchant. Refused with `payment_intent_not_found`, also for others'."""
    async with database.reads() as reads:
        intent = await intents.find(reads, query.data.id)
    if intent is None or not intent.concerns(query.data.customer):
        raise not_found("id")
    return public_view(intent)


async def list_payment_intents(database: Database, query: Envelope[ListPaymentIntents]) -> PaymentIntentPage:
    """Return a page of the party's intents that pass every filter, newest first."""
    async with database.reads() as reads:
        page = await lists.load_intents(reads, query.data)
    return PaymentIntentPage(payment_intents=[public_view(i) for i in page.items], next_before=page.next_before)


def not_found(parameter: str) -> Refused:
    """Return the refusal of what is not there, or not for the one who asks."""
    return Refused("payment_intent_not_found", "There is no such payment intent among yours.", parameter)
