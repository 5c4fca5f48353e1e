"""Answers what is asked about customers: their tiers, and what they have used of limits."""

from datetime import UTC, datetime

from apps.risk.domain import customers as domain
from apps.risk.store import customer_views
from apps.risk.store import customers as store
from contracts.message import Envelope
from contracts.risk import Customer, GetCustomer
from outbox.database import Database
from outbox.responder import Refused


async def get_customer(database: Database, query: Envelope[GetCustomer]) -> Customer:
    """Return what is known of a customer. Raises Refused `customer_not_found` where that is nothing."""
    user = query.data.user_id
    async with database.reads() as reads:
        known = await store.load(reads, user)
        found = await customer_views.load(reads, known or domain.Customer(user), datetime.now(UTC))
    if known is None and not found.uses:
        raise Refused("customer_not_found", "Risk knows of no customer with this id.", "user_id")
    return found
