"""Which deliveries are made of what happened, and how they are sent again."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from apps.payments.queries import deliveries as asked_again
from apps.payments.queries.deliveries import list_deliveries, redeliver, replay_events
from apps.payments.tests.webhooks.hooks import CUSTOMER, MERCHANT, STRANGER, Hooks, asking, hop
from apps.payments.tests.webhooks.shop import Shop, answer
from apps.payments.tests.webhooks.test_endpoint_requests import refusal
from contracts.ids import new_id
from contracts.payments import (
    DeliveryStatus,
    ListDeliveries,
    Redeliver,
    ReplayEvents,
    UpdateWebhookEndpoint,
)

URL = "https://shop.example/hooks"


async def test_each_party_hears_what_it_asks_for_once(hooks: Hooks) -> None:
    everything = await hooks.endpoint(URL)
    refunds = await hooks.endpoint(URL, "refund.*", "refund.created", "*", "dispute.*")
    disputes = await hooks.endpoint(URL, "dispute.*")
    customers = await hooks.endpoint(URL, "payment_intent.succeeded", owner=CUSTOMER)
    theirs = await hooks.endpoint(URL, owner=STRANGER)
    payment, refund, silent = hop(1), hop(2, event="refund.created"), hop(3, event=None)
    await hooks.tell(payment, refund, silent)
    heard = {e.id: [d.event for d in await hooks.deliveries(e.id)] for e in (everything, refunds, disputes, customers)}
    assert heard == {
        everything.id: ["payment_intent.succeeded", "refund.created"],
        refunds.id: ["payment_intent.succeeded", "refund.created"],
        disputes.id: [],
        customers.id: ["payment_intent.succeeded"],
    }
    assert await hooks.deliveries(theirs.id) == []
    assert hooks.woken == 1


async def test_one_who_is_both_parties_hears_it_once(hooks: Hooks) -> None:
    made = await hooks.endpoint(URL, owner=CUSTOMER)
    await hooks.tell(hop(merchant=CUSTOMER))
    await hooks.tell(hop(merchant=None))
    assert len(await hooks.deliveries(made.id)) == 2


async def test_where_nobody_listens_nothing_is_made_and_nobody_woken(hooks: Hooks) -> None:
    await hooks.endpoint(URL, "dispute.*")
    await hooks.tell(*(hop() for _ in range(100)))
    assert hooks.woken == 0
    assert await hooks.database.pool.fetchval("SELECT count(*) FROM webhook_delivery") == 0


async def test_the_body_is_fixed_when_it_is_made(hooks: Hooks) -> None:
    made = await hooks.endpoint(URL)
    told = hop(4)
    await hooks.tell(told)
    (shown,) = await hooks.deliveries(made.id)
    body = orjson.loads(await hooks.database.pool.fetchval("SELECT body FROM webhook_delivery"))
    assert told.data is not None
    assert body["id"] == str(told.event_id) == str(shown.event_id)
    assert (body["type"], body["data"]) == (told.event, orjson.loads(told.data))
    assert datetime.fromisoformat(body["timestamp"]) == told.at
    assert (shown.payment_intent, shown.status, shown.attempts) == (told.intent_id, DeliveryStatus.PENDING, [])


async def test_deliveries_are_listed_newest_first_in_pages(hooks: Hooks) -> None:
    made = await hooks.endpoint(URL)
    for number in range(1, 6):
        await hooks.tell(hop(number))
    newest_first = [d.id for d in await hooks.deliveries(made.id)][::-1]

    async def page(**asked: object) -> tuple[list[object], object]:
        message = ListDeliveries.model_validate({"endpoint": made.id, "owner": MERCHANT, "limit": 2} | asked)
        shown = await list_deliveries(hooks.database, asking(message))
        return [d.id for d in shown.deliveries], shown.next_before

    assert await page() == (newest_first[:2], newest_first[1])
    assert await page(before=newest_first[1]) == (newest_first[2:4], newest_first[3])
    assert await page(before=newest_first[3]) == (newest_first[4:], None)
    assert await page(status="pending", limit=5) == (newest_first, None)
    for status in ("succeeded", "failed"):
        assert await page(status=status) == ([], None)
    assert await refusal(page(owner=STRANGER)) == "endpoint_not_found"


async def test_one_that_has_ended_is_sent_again_as_a_new_delivery_of_the_same_bytes(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    await hooks.tell(hop())
    async with hooks.sending():
        (first,) = await hooks.settled(made.id, 1)
        again = await redeliver(hooks.transactions, hooks.database, asking(Redeliver(id=first.id, owner=MERCHANT)))
        assert again.id != first.id
        await hooks.settled(made.id, 2)
    one, other = shop.received
    assert one.body == other.body
    assert one.headers["webhook-id"] == other.headers["webhook-id"] == str(first.event_id)
    theirs = redeliver(hooks.transactions, hooks.database, asking(Redeliver(id=first.id, owner=STRANGER)))
    assert await refusal(theirs) == "delivery_not_found"


async def test_one_that_waits_for_its_next_try_is_tried_now(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    shop.behave["/hooks"] = answer(503, retry_after="3600")
    await hooks.tell(hop())
    async with hooks.sending():
        (pending,) = await hooks.attempted(made.id, 1)
        assert pending.next_attempt_at is not None
        assert pending.next_attempt_at > datetime.now(UTC) + timedelta(minutes=59)
        shop.behave["/hooks"] = answer(200)
        again = await redeliver(hooks.transactions, hooks.database, asking(Redeliver(id=pending.id, owner=MERCHANT)))
        assert again.id == pending.id
        (ended,) = await hooks.settled(made.id, 1)
    assert [(a.number, a.status_code) for a in ended.attempts] == [(1, 503), (2, 200)]


async def test_nothing_is_sent_again_to_a_disabled_endpoint(hooks: Hooks) -> None:
    made = await hooks.endpoint(URL)
    await hooks.tell(hop())
    (one,) = await hooks.deliveries(made.id)
    change = UpdateWebhookEndpoint.model_validate({"id": made.id, "owner": MERCHANT, "status": "disabled"})
    await hooks.requests.update(hooks.database, asking(change))
    again = redeliver(hooks.transactions, hooks.database, asking(Redeliver(id=one.id, owner=MERCHANT)))
    assert await refusal(again) == "endpoint_disabled"
    since = datetime.now(UTC) - timedelta(hours=1)
    replay = asking(ReplayEvents(endpoint=made.id, owner=MERCHANT, since=since))
    assert await refusal(replay_events(hooks.transactions, hooks.database, replay)) == "endpoint_disabled"


async def test_a_replay_sends_what_is_asked_for_and_was_missed_in_order(hooks: Hooks, shop: Shop) -> None:
    ours, theirs = new_id(), new_id()
    await hooks.pay(ours)
    await hooks.pay(theirs, STRANGER)
    begin = datetime.now(UTC) - timedelta(hours=1)

    def at(minute: int) -> datetime:
        return begin + timedelta(minutes=minute)

    missed = [
        hop(1, intent=ours, at=at(0), event="payment_intent.created"),
        hop(2, intent=ours, at=at(1), event=None),
        hop(3, intent=ours, at=at(2)),
        hop(4, intent=ours, at=at(3), event="refund.created"),
        hop(1, intent=theirs, at=at(3), merchant=STRANGER),
    ]
    await hooks.tell(*missed)
    made = await hooks.endpoint(shop.url(), "payment_intent.*")

    async def replay(since: datetime) -> int:
        asked = asking(ReplayEvents(endpoint=made.id, owner=MERCHANT, since=since))
        return (await replay_events(hooks.transactions, hooks.database, asked)).deliveries

    assert await replay(at(1)) == 1
    assert await replay(at(0)) == 1, "the one that is pending is not sent twice"
    async with hooks.sending():
        await hooks.settled(made.id, 2)
        assert await replay(at(0)) == 2
        await hooks.settled(made.id, 4)
    assert [r.event["data"]["payment_intent"]["hop"] for r in shop.received] == [1, 3, 1, 3]
    assert shop.received[0].body == shop.received[2].body


async def test_a_long_replay_goes_on_where_it_stopped(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked_again, "REPLAY_EVENTS", 3)
    intent = new_id()
    await hooks.pay(intent)
    begin = datetime.now(UTC) - timedelta(hours=1)
    # Several happen at one instant: they are cut in two nowhere.
    await hooks.tell(*(hop(n, intent=intent, at=begin + timedelta(minutes=n // 2)) for n in range(1, 11)))
    made = await hooks.endpoint(URL)
    since, rounds, number = begin, 0, 0
    while True:
        asked = asking(ReplayEvents(endpoint=made.id, owner=MERCHANT, since=since))
        told = await replay_events(hooks.transactions, hooks.database, asked)
        rounds += 1
        number += told.deliveries
        if told.next_since is None:
            break
        since = told.next_since
    assert number == 10 == len(await hooks.deliveries(made.id))
    assert rounds == 4
