"""Read refunds: one, or a page of them."""

from apps.payments.domain.public_view import refund_view
from apps.payments.store import lists, refunds
from contracts.message import Envelope
from contracts.payments import GetRefund, ListRefunds, Refund, RefundPage
from outbox.database import Database
from outbox.responder import Refused


async def get_refund(database: Database, query: Envelope[GetRefund]) -> Refund:
    """Return a refund to a party of its payment. Refused with `refund_not_found`, also for somebody else's."""
    asked = query.data
    async with database.reads() as reads:
        refund = await refunds.find(reads, asked.id)
    if refund is None or asked.party not in (refund.customer, refund.merchant):
        raise Refused("refund_not_found", "There is no such refund among yours.", "id")
    return refund_view(refund)


async def list_refunds(database: Database, query: Envelope[ListRefunds]) -> RefundPage:
    """Return a page of the refunds of the party's payments, newest first; of a payment of others there are none."""
    async with database.reads() as reads:
        page = await lists.load_refunds(reads, query.data)
    return RefundPage(refunds=[refund_view(refund) for refund in page.items], next_before=page.next_before)
