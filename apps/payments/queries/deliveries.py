"""Read what was delivered to an endpoint, and send it again."""

from datetime import timedelta

from apps.payments.domain.delivering import body_of, matches
from apps.payments.queries.webhook_endpoints import check_enabled, check_time, found
from apps.payments.store import deliveries, endpoints
from apps.payments.store.deliveries import NewDelivery
from contracts.message import Envelope
from contracts.payments import (
    Delivery,
    DeliveryPage,
    DeliveryStatus,
    ListDeliveries,
    Redeliver,
    Replayed,
    ReplayEvents,
)
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Transactions

REPLAY_EVENTS = 5_000
"""How many events, of all payments, one replay looks at."""
_INSTANT = timedelta(microseconds=1)


async def list_deliveries(database: Database, request: Envelope[ListDeliveries]) -> DeliveryPage:
    """Return a page of an endpoint's deliveries. Refused with `endpoint_not_found`."""
    asked = request.data
    async with database.reads() as reads:
        found(await endpoints.load(reads, asked.owner, asked.endpoint), "endpoint")
        page = await deliveries.load_page(reads, asked.endpoint, asked.status, asked.before, asked.limit + 1)
    shown = page[: asked.limit]
    return DeliveryPage(deliveries=shown, next_before=shown[-1].id if len(page) > asked.limit else None)


async def redeliver(transactions: Transactions, _database: Database, request: Envelope[Redeliver]) -> Delivery:
    """Send a delivery again: one that is pending at once, one that has ended as a new delivery of the same event.

    Refused with `delivery_not_found` or `endpoint_disabled`.
    """
    asked = request.data
    async with transactions.begin() as tx:
        check_time(tx, request)
        kept = await deliveries.lock(tx, asked.owner, asked.id)
        endpoint = await endpoints.load(tx, asked.owner, kept.new.endpoint_id) if kept else None
        if kept is None or endpoint is None:
            raise Refused("delivery_not_found", "There is no such delivery among yours.", "id")
        check_enabled(endpoint, "id")
        shown = kept.id
        if kept.status is not DeliveryStatus.PENDING:
            (shown,) = await deliveries.add(tx, [kept.new])
        elif not kept.in_hand:
            await deliveries.bring_forward(tx, kept.id)
        return await deliveries.load(tx, shown)


async def replay_events(transactions: Transactions, _database: Database, request: Envelope[ReplayEvents]) -> Replayed:
    """Send again what happened since a time and is asked for, also while the endpoint was not there, or disabled.

    What is pending is not sent twice. Refused with `endpoint_not_found` or `endpoint_disabled`.
    """
    asked = request.data
    async with transactions.begin() as tx:
        check_time(tx, request)
        endpoint = found(await endpoints.load(tx, asked.owner, asked.endpoint), "endpoint")
        check_enabled(endpoint, "endpoint")
        rest = await deliveries.begin_of_rest(tx, asked.since, REPLAY_EVENTS)
        rest = max(rest, asked.since + _INSTANT) if rest else None
        told = await deliveries.told_between(tx, endpoint.id, endpoint.owner, asked.since, rest or tx.now)
        wanted = (t for t in told if matches(endpoint.events, t.event))
        again = [
            NewDelivery(
                endpoint.id, endpoint.owner, t.event_id, t.event, t.intent_id, t.line,
                body_of(t.event_id, t.event, t.at, t.data),
            )
            for t in wanted
        ]  # fmt: skip
        made = await deliveries.add(tx, again)
    return Replayed(deliveries=len(made), next_since=rest)
