"""Read disputes: one, or a page of them."""

from apps.payments.domain.public_view import dispute_view
from apps.payments.store import disputes, lists
from contracts.message import Envelope
from contracts.payments import Dispute, DisputePage, GetDispute, ListDisputes
from outbox.database import Database
from outbox.responder import Refused


async def get_dispute(database: Database, query: Envelope[GetDispute]) -> Dispute:
    """Return a dispute to a party of its payment. Refused with `dispute_not_found`, also for somebody else's."""
    asked = query.data
    async with database.reads() as reads:
        dispute = await disputes.find(reads, asked.id)
    if dispute is None or asked.party not in (dispute.customer, dispute.merchant):
        raise Refused("dispute_not_found", "There is no such dispute among yours.", "id")
    return dispute_view(dispute)


async def list_disputes(database: Database, query: Envelope[ListDisputes]) -> DisputePage:
    """Return a page of the disputes of the party's payments, newest first; of a payment of others there are none."""
    async with database.reads() as reads:
        page = await lists.load_disputes(reads, query.data)
    return DisputePage(disputes=[dispute_view(dispute) for dispute in page.items], next_before=page.next_before)
