"""The worker against real servers: order, retries, dead endpoints, crashes."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from apps.payments.domain.delivering import GIVE_UP_AFTER
from apps.payments.store import deliveries
from apps.payments.store.delivery_queue import Lane
from apps.payments.tests.webhooks.hooks import CUSTOMER, LANES, MERCHANT, Hooks, asking, hop
from apps.payments.tests.webhooks.shop import Received, Shop, answer, open_shop, silence
from apps.payments.tests.webhooks.test_endpoint_requests import refusal
from apps.payments.tests.webhooks.test_signing import verify_v1a
from apps.payments.workers import deliver_webhooks, outgoing_http
from contracts.ids import new_id
from contracts.payments import (
    DeleteWebhookEndpoint,
    DeliveryStatus,
    EndpointStatus,
    RotateWebhookSecret,
    SendTestEvent,
    UpdateWebhookEndpoint,
)
from outbox.ending import end

SHORT_LEASE = timedelta(seconds=0.4)


def hops_of(received: Sequence[Received], intent: UUID) -> list[int]:
    """The numbers of a payment's hops, in the order in which they arrived."""
    told = [r.event["data"]["payment_intent"] for r in received]
    return [event["hop"] for event in told if event["id"] == str(intent)]


async def test_a_delivery_is_signed_by_the_endpoints_secret_and_by_the_services_key(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    async with hooks.sending():
        await hooks.tell(told := hop())
        (received,) = await shop.gets(1)
        (ended,) = await hooks.settled(made.id, 1)
    assert made.secret is not None
    assert Webhook(made.secret).verify(received.body, received.headers) == received.event
    verify_v1a(received.headers, received.body, hooks.keys.jwks[0])
    assert received.headers["content-type"] == "application/json"
    assert received.event["id"] == received.headers["webhook-id"] == str(told.event_id)
    assert (ended.status, ended.next_attempt_at) == (DeliveryStatus.SUCCEEDED, None)
    assert [(a.number, a.status_code, a.error) for a in ended.attempts] == [(1, 204, None)]


async def test_during_a_rotation_both_secrets_verify_and_afterwards_only_the_new_one(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    rotated = await hooks.requests.rotate(
        hooks.database, asking(RotateWebhookSecret(id=made.id, owner=MERCHANT, overlap_hours=24))
    )
    assert made.secret
    assert rotated.secret
    async with hooks.sending():
        await hooks.tell(hop())
        (received,) = await shop.gets(1)
        for secret in (made.secret, rotated.secret):
            Webhook(secret).verify(received.body, received.headers)
        await hooks.database.pool.execute("UPDATE webhook_endpoint SET old_until = now()")
        await hooks.tell(hop())
        received = (await shop.gets(2))[1]
    Webhook(rotated.secret).verify(received.body, received.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(received.body, received.headers)
    at_once = RotateWebhookSecret(id=made.id, owner=MERCHANT, overlap_hours=0)
    await hooks.requests.rotate(hooks.database, asking(at_once))
    assert await hooks.database.pool.fetchval("SELECT old_secret FROM webhook_endpoint") is None


async def test_retries_are_byte_identical_with_a_new_timestamp(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    shop.behave["/hooks"] = answer(500)
    async with hooks.sending():
        await hooks.tell(hop())
        (pending,) = await hooks.attempted(made.id, 1)
        assert pending.next_attempt_at is not None
        assert timedelta(seconds=4) <= pending.next_attempt_at - pending.created_at <= timedelta(seconds=6)
        await asyncio.sleep(1.0)
        await hooks.bring_forward()
        await shop.gets(2)
        shop.behave["/hooks"] = answer(200)
        await hooks.attempted(made.id, 2)
        await hooks.bring_forward()
        (ended,) = await hooks.settled(made.id, 1)
    assert [a.status_code for a in ended.attempts] == [500, 500, 200]
    assert len({r.body for r in shop.received}) == len({r.headers["webhook-id"] for r in shop.received}) == 1
    timestamps = [int(r.headers["webhook-timestamp"]) for r in shop.received]
    assert timestamps[0] < timestamps[1]


async def test_retry_after_is_honoured(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    shop.behave["/hooks"] = answer(429, retry_after="7200")
    async with hooks.sending():
        await hooks.tell(hop())
        (pending,) = await hooks.attempted(made.id, 1)
    assert pending.next_attempt_at is not None
    assert pending.next_attempt_at >= pending.created_at + timedelta(hours=2)


async def test_410_disables_the_endpoint_at_once(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    shop.behave["/hooks"] = answer(410)
    intent = new_id()
    async with hooks.sending():
        await hooks.tell(hop(1, intent=intent), hop(2, intent=intent))
        ended = await hooks.settled(made.id, 2)
        await hooks.tell(hop(3, intent=intent))
    row = await hooks.database.pool.fetchrow("SELECT status, disabled_reason FROM webhook_endpoint")
    assert tuple(row or ()) == ("disabled", "gone")
    assert [d.status for d in ended] == [DeliveryStatus.FAILED] * 2
    assert len(shop.received) == 1
    assert len(await hooks.deliveries(made.id)) == 2


async def test_an_endpoint_that_failed_for_three_days_is_disabled(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    shop.behave["/hooks"] = answer(500)
    async with hooks.sending():
        await hooks.tell(hop())
        await hooks.attempted(made.id, 1)
        await hooks.database.pool.execute(
            "UPDATE webhook_endpoint SET failing_since = failing_since - $1::interval", GIVE_UP_AFTER
        )
        await hooks.bring_forward()
        await hooks.attempted(made.id, 2)
        await hooks.bring_forward()
        (ended,) = await hooks.settled(made.id, 1)
    row = await hooks.database.pool.fetchrow("SELECT status, disabled_reason FROM webhook_endpoint")
    assert tuple(row or ()) == ("disabled", "failing")
    assert (ended.status, len(ended.attempts)) == (DeliveryStatus.FAILED, 2)


async def test_a_success_ends_the_time_of_failing(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    shop.behave["/hooks"] = answer(500)
    async with hooks.sending():
        await hooks.tell(hop())
        await hooks.attempted(made.id, 1)
        assert await hooks.database.pool.fetchval("SELECT failing_since FROM webhook_endpoint") is not None
        shop.behave["/hooks"] = answer(200)
        await hooks.bring_forward()
        await hooks.settled(made.id, 1)
    assert await hooks.database.pool.fetchval("SELECT failing_since FROM webhook_endpoint") is None


async def test_events_of_a_payment_arrive_in_order_and_one_at_a_time(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    under_way: list[str] = []
    most = 0

    async def slowly(writer: asyncio.StreamWriter) -> None:
        nonlocal most
        intent = shop.received[-1].event["data"]["payment_intent"]["id"]
        assert intent not in under_way
        under_way.append(intent)
        most = max(most, len(under_way))
        await asyncio.sleep(0.03)
        under_way.remove(intent)
        await answer()(writer)

    shop.behave["/hooks"] = slowly
    intents = [new_id() for _ in range(3)]
    async with hooks.sending():
        for number in range(1, 6):
            await hooks.tell(*(hop(number, intent=intent) for intent in intents))
        begun = time.monotonic()
        await hooks.settled(made.id, 15)
        assert time.monotonic() - begun < 5, "the next in line does not wait for a lease to end"
    for intent in intents:
        assert hops_of(shop.received, intent) == [1, 2, 3, 4, 5]
    assert most > 1, "payments do not wait for each other"


async def test_a_failing_delivery_holds_up_its_own_payment_only(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    other = await hooks.endpoint(shop.url("/other"))
    stuck, fine = new_id(), new_id()

    async def refuse_one(writer: asyncio.StreamWriter) -> None:
        ours = shop.at("/hooks")[-1].event["data"]["payment_intent"]
        await answer(500 if ours == {"id": str(stuck), "hop": 1} else 204)(writer)

    shop.behave["/hooks"] = refuse_one
    async with hooks.sending():
        await hooks.tell(hop(1, intent=stuck), hop(2, intent=stuck), hop(1, intent=fine), hop(2, intent=fine))
        await hooks.settled(other.id, 4)
        await hooks.settled(made.id, 2)
        await hooks.tell(hop(3, intent=stuck), hop(3, intent=fine))
        await hooks.settled(made.id, 3)
        waiting = await hooks.deliveries(made.id, DeliveryStatus.PENDING)
        assert [len(d.attempts) for d in waiting][1:] == [0, 0]
        shop.behave["/hooks"] = answer()
        await hooks.bring_forward()
        await hooks.settled(made.id, 6)
    assert hops_of(shop.at("/hooks"), fine) == [1, 2, 3]
    told = hops_of(shop.at("/hooks"), stuck)
    assert told[-3:] == [1, 2, 3]
    assert set(told[:-3]) <= {1}


async def test_an_earlier_one_that_is_given_up_lets_the_later_ones_go(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    intent = new_id()
    await hooks.tell(hop(1, intent=intent), hop(2, intent=intent))
    # It was tried for three days already.
    await hooks.database.pool.execute(
        """
        WITH tried AS (UPDATE webhook_delivery SET tries = 1 WHERE line = 1 RETURNING id)
        INSERT INTO webhook_attempt SELECT id, 1, now() - $1::interval, 500, NULL, 9 FROM tried
        """,
        GIVE_UP_AFTER,
    )

    async def refuse_the_first(writer: asyncio.StreamWriter) -> None:
        is_first = shop.received[-1].event["data"]["payment_intent"]["hop"] == 1
        await answer(500 if is_first else 204)(writer)

    shop.behave["/hooks"] = refuse_the_first
    async with hooks.sending():
        first, second = await hooks.settled(made.id, 2)
    assert (first.status, second.status) == (DeliveryStatus.FAILED, DeliveryStatus.SUCCEEDED)
    assert [a.status_code for a in first.attempts] == [500, 500]


async def test_a_dead_endpoint_delays_no_other(hooks: Hooks, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing_http, "TOTAL_SECONDS", 300.0)  # longer than anything here waits for the others
    async with open_shop() as dead:
        dead.behave["/hooks"] = silence
        silent = [await hooks.endpoint(dead.url()) for _ in range(10)]
        alive = await hooks.endpoint(shop.url())
        async with hooks.sending():
            for _ in range(40):
                await hooks.tell(*(hop() for _ in range(5)))
                await asyncio.sleep(0.01)
            await hooks.settled(alive.id, 200)
            ended = await hooks.deliveries(alive.id)
            waiting = [d for endpoint in silent for d in await hooks.deliveries(endpoint.id)]
    assert [len(d.attempts) for d in ended] == [1] * 200
    assert not any(d.attempts for d in waiting), "what was delivered has waited for no attempt to end"
    assert 10 <= len(dead.received) <= 80, "a few of each endpoint at a time"


async def test_endpoints_that_fail_do_not_take_the_place_of_those_that_work(hooks: Hooks, shop: Shop) -> None:
    """More dead endpoints than all deliveries that may be under way at once."""
    async with open_shop() as dead:
        dead.behave["/hooks"] = silence
        for owner in (MERCHANT, CUSTOMER):
            for _ in range(15):
                await hooks.endpoint(dead.url(), owner=owner)
        await hooks.database.pool.execute("UPDATE webhook_endpoint SET failing_since = now()")
        alive = await hooks.endpoint(shop.url())
        async with hooks.sending((Lane(failing=False, total=6, each=3), Lane(failing=True, total=5, each=1))):
            await hooks.tell(*(hop() for _ in range(20)))
            await hooks.settled(alive.id, 20)
            await dead.gets(5)
            assert len(dead.received) == 5


async def test_one_endpoint_gets_only_so_many_at_once(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    shop.behave["/hooks"] = silence
    await hooks.tell(*(hop() for _ in range(50)))
    async with hooks.sending():
        await shop.gets(LANES[0].each)
        await asyncio.sleep(0.3)
        assert len(shop.received) == LANES[0].each
    assert len(await hooks.deliveries(made.id, DeliveryStatus.PENDING)) == 50


async def test_all_together_get_only_so_many_at_once(hooks: Hooks, shop: Shop) -> None:
    shop.behave["/hooks"] = silence
    for _ in range(6):
        await hooks.endpoint(shop.url())
    await hooks.tell(*(hop() for _ in range(5)))
    async with hooks.sending((Lane(failing=False, total=7, each=2), Lane(failing=True, total=1, each=1))):
        await shop.gets(7)
        await asyncio.sleep(0.3)
        assert len(shop.received) == 7


async def test_what_a_killed_process_had_in_hand_is_sent_again_after_its_lease(
    hooks: Hooks, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver_webhooks, "LEASE", SHORT_LEASE)
    made = await hooks.endpoint(shop.url())
    shop.behave["/hooks"] = silence
    intent = new_id()
    async with hooks.sending():
        await hooks.tell(hop(1, intent=intent), hop(2, intent=intent))
        await shop.gets(1)
        # Killed here: claimed, sent, and the outcome is written nowhere.
    shop.behave["/hooks"] = answer(200)
    async with hooks.sending():
        first, second = await hooks.settled(made.id, 2)
    assert [(a.number, a.status_code, a.error) for a in first.attempts] == [(1, None, "interrupted"), (2, 200, None)]
    assert [a.status_code for a in second.attempts] == [200]
    assert hops_of(shop.received, intent) == [1, 1, 2]


async def test_of_two_processes_each_delivery_is_one_ones(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    intents = [new_id() for _ in range(30)]
    second = hooks.new_worker()
    running = asyncio.create_task(second.run())
    try:
        async with hooks.sending():
            for number in (1, 2, 3):
                await hooks.tell(*(hop(number, intent=intent) for intent in intents))
                second.wake()
            await hooks.settled(made.id, 90)
    finally:
        await end([running])
    assert len(shop.received) == 90
    for intent in intents:
        assert hops_of(shop.received, intent) == [1, 2, 3]


async def test_outcomes_that_cannot_be_written_now_are_written_later(
    hooks: Hooks, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await hooks.endpoint(shop.url())
    begin, fails = hooks.transactions.begin, True

    def begin_or_fail() -> object:
        if fails and shop.received:
            raise OSError("the database is away")
        return begin()

    monkeypatch.setattr(hooks.transactions, "begin", begin_or_fail)
    async with hooks.sending():
        async with begin() as tx:
            await deliveries.fan_out(tx, [hop()])
        assert hooks.worker
        hooks.worker.wake()
        await shop.gets(1)
        await asyncio.sleep(0.1)
        fails = False
        (ended,) = await hooks.settled(made.id, 1)
    assert [a.status_code for a in ended.attempts] == [204]
    assert len(shop.received) == 1


async def test_a_time_out_and_a_secret_that_cannot_be_opened_are_outcomes(
    hooks: Hooks, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing_http, "TOTAL_SECONDS", 0.3)
    slow, sealed = await hooks.endpoint(shop.url()), await hooks.endpoint(shop.url("/sealed"))
    shop.behave["/hooks"] = silence
    await hooks.database.pool.execute("UPDATE webhook_endpoint SET secret = 'x' WHERE id = $1", sealed.id)
    async with hooks.sending():
        await hooks.tell(hop())
        (timed_out,) = await hooks.attempted(slow.id, 1)
        (not_sent,) = await hooks.attempted(sealed.id, 1)
    assert [a.error for a in timed_out.attempts] == ["timed_out"]
    assert 250 <= timed_out.attempts[0].milliseconds <= 2000
    assert [a.error for a in not_sent.attempts] == ["cannot_sign"]
    assert not shop.at("/sealed")


async def test_what_is_pending_for_a_deleted_endpoint_is_not_sent(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url())
    await hooks.tell(*(hop() for _ in range(60)))
    await hooks.requests.delete(hooks.database, asking(DeleteWebhookEndpoint(id=made.id, owner=MERCHANT)))
    async with hooks.sending():
        ended = await hooks.settled(made.id, 60)
    assert {d.status for d in ended} == {DeliveryStatus.FAILED}
    assert not shop.received


async def test_a_test_event_goes_whatever_the_filters_and_past_what_waits(hooks: Hooks, shop: Shop) -> None:
    made = await hooks.endpoint(shop.url(), "dispute.*")
    async with hooks.sending():
        delivery = await hooks.requests.send_test_event(
            hooks.database, asking(SendTestEvent(id=made.id, owner=MERCHANT))
        )
        (received,) = await shop.gets(1)
        await hooks.settled(made.id, 1)
    assert (received.event["type"], received.event["data"]) == ("endpoint.test", {"webhook_endpoint": str(made.id)})
    assert (delivery.event, delivery.payment_intent, delivery.attempts) == ("endpoint.test", None, [])
    change = UpdateWebhookEndpoint(id=made.id, owner=MERCHANT, status=EndpointStatus.DISABLED)
    await hooks.requests.update(hooks.database, asking(change))
    again = hooks.requests.send_test_event(hooks.database, asking(SendTestEvent(id=made.id, owner=MERCHANT)))
    assert await refusal(again) == "endpoint_disabled"


async def test_what_cannot_be_reached_is_an_error_of_the_attempt(hooks: Hooks) -> None:
    made = await hooks.endpoint("http://127.0.0.1:1/hooks")
    async with hooks.sending():
        await hooks.tell(hop())
        (pending,) = await hooks.attempted(made.id, 1)
    assert [a.error for a in pending.attempts] == ["connection_failed"]
    assert pending.next_attempt_at is not None
    assert pending.next_attempt_at > datetime.now(UTC) - timedelta(seconds=5)
