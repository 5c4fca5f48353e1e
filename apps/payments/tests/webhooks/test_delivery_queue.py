"""The queue by itself: claims, what is late, and what is waited for."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apps.payments.domain.delivering import SendError, Sent, Standing
from apps.payments.store import delivery_queue
from apps.payments.store.delivery_queue import Claim, Due, Lane, Outcome
from apps.payments.tests.webhooks.hooks import Hooks, hop
from apps.payments.tests.webhooks.shop import Shop, answer, raw, silence
from apps.payments.workers import deliver_webhooks, outgoing_http
from contracts.ids import new_id
from contracts.payments import DeliveryStatus
from outbox.transaction import Transaction

URL = "https://shop.example/hooks"
WORKING = Lane(failing=False, total=100, each=100)
DONE = Standing(DeliveryStatus.SUCCEEDED, None)


async def claim(tx: Transaction, lease: timedelta = timedelta(seconds=30)) -> list[Claim]:
    due = await delivery_queue.lock_due(tx, WORKING, 100, (), 100)
    return await delivery_queue.claim(tx, [d for d in due if d.waits_for is None], tx.now + lease)


def outcome(claimed: Claim, status: int | None = 200) -> Outcome:
    sent = Sent(datetime.now(UTC), 5, status, None if status else SendError.TIMED_OUT)
    return Outcome(claimed, sent, DONE if status == 200 else Standing(DeliveryStatus.PENDING, datetime.now(UTC)))


async def test_the_outcome_of_a_claim_that_somebody_else_has_taken_over_is_not_written(hooks: Hooks) -> None:
    made = await hooks.endpoint(URL)
    await hooks.tell(hop())
    async with hooks.transactions.begin() as tx:
        (first,) = await claim(tx, lease=timedelta(seconds=-1))
    async with hooks.transactions.begin() as tx:
        (second,) = await claim(tx)
    assert (first.tries, second.tries) == (1, 2)
    async with hooks.transactions.begin() as tx:
        await delivery_queue.record(tx, [outcome(first)])
    (shown,) = await hooks.deliveries(made.id)
    assert shown.status is DeliveryStatus.PENDING
    async with hooks.transactions.begin() as tx:
        await delivery_queue.record(tx, [outcome(second), outcome(second)])
    (shown,) = await hooks.deliveries(made.id)
    assert shown.status is DeliveryStatus.SUCCEEDED
    assert [(a.number, a.error) for a in shown.attempts] == [(1, "interrupted"), (2, None)]


async def test_what_is_claimed_is_nobody_elses(hooks: Hooks) -> None:
    await hooks.endpoint(URL)
    await hooks.tell(*(hop() for _ in range(10)))
    async with hooks.transactions.begin() as one, hooks.transactions.begin() as other:
        claimed = await claim(one)
        assert len(claimed) == 10
        assert await claim(other) == []


async def test_one_that_was_put_off_for_an_earlier_one_that_has_just_ended_goes_after_all(hooks: Hooks) -> None:
    """Another process ends the earlier one while this one has only seen it pending."""
    await hooks.endpoint(URL)
    intent = new_id()
    await hooks.tell(hop(1, intent=intent), hop(2, intent=intent))
    async with hooks.transactions.begin() as tx:
        (first,) = await claim(tx)
    async with hooks.transactions.begin() as tx:
        (second,) = await delivery_queue.lock_due(tx, WORKING, 100, (), 100)
        assert second.waits_for is not None
    async with hooks.transactions.begin() as tx:
        await delivery_queue.record(tx, [outcome(first)])
    async with hooks.transactions.begin() as tx:
        await delivery_queue.put_off(tx, [second], tx.now + timedelta(seconds=30))
    async with hooks.transactions.begin() as tx:
        assert [c.id for c in await claim(tx)] == [second.id]


async def test_who_ends_the_earlier_one_waits_for_who_puts_the_later_one_off(hooks: Hooks) -> None:
    await hooks.endpoint(URL)
    intent = new_id()
    await hooks.tell(hop(1, intent=intent), hop(2, intent=intent))
    async with hooks.transactions.begin() as tx:
        (first,) = await claim(tx)

    async def end_first() -> None:
        async with hooks.transactions.begin() as ending:
            await delivery_queue.record(ending, [outcome(first)])

    async with hooks.transactions.begin() as tx:
        (second,) = await delivery_queue.lock_due(tx, WORKING, 100, (), 100)
        ending = asyncio.create_task(end_first())
        await asyncio.sleep(0.1)
        await delivery_queue.put_off(tx, [second], tx.now + timedelta(seconds=30))
        assert not ending.done()
    await ending
    async with hooks.transactions.begin() as tx:
        assert [c.id for c in await claim(tx)] == [second.id]


async def test_while_the_earlier_one_ends_nobody_looks_at_the_later_one(hooks: Hooks) -> None:
    await hooks.endpoint(URL)
    intent = new_id()
    await hooks.tell(hop(1, intent=intent), hop(2, intent=intent))
    async with hooks.transactions.begin() as tx:
        (first,) = await claim(tx)
    async with hooks.transactions.begin() as ending, hooks.transactions.begin() as tx:
        await delivery_queue.record(ending, [outcome(first)])
        assert await delivery_queue.lock_due(tx, WORKING, 100, (), 100) == []


async def test_what_waits_is_put_off_until_the_earlier_one_is_due(hooks: Hooks) -> None:
    await hooks.endpoint(URL)
    intent = new_id()
    await hooks.tell(*(hop(number, intent=intent) for number in (1, 2, 3)))
    async with hooks.transactions.begin() as tx:
        (first,) = await claim(tx)
    due_again = datetime.now(UTC) + timedelta(hours=2)
    async with hooks.transactions.begin() as tx:
        failed = replace(outcome(first, 500), standing=Standing(DeliveryStatus.PENDING, due_again))
        await delivery_queue.record(tx, [failed])
        waiting = await delivery_queue.lock_due(tx, WORKING, 100, (), 100)
        assert [d.waits_for for d in waiting] == [due_again] * 2
        await delivery_queue.put_off(tx, waiting, tx.now + timedelta(seconds=30))
    async with hooks.transactions.begin() as tx:
        assert await delivery_queue.lock_due(tx, WORKING, 100, (), 100) == []
    times = await hooks.database.pool.fetch("SELECT DISTINCT next_at FROM webhook_delivery")
    assert [row["next_at"] for row in times] == [due_again]


async def test_thousands_that_wait_at_one_endpoint_do_not_hide_what_is_due_at_another(hooks: Hooks) -> None:
    crowded, other = await hooks.endpoint(URL), await hooks.endpoint(URL, "dispute.*")
    await hooks.tell(*(hop() for _ in range(3000)))
    await hooks.tell(hop(event="dispute.opened"))
    lane = Lane(failing=False, total=30, each=8)
    async with hooks.transactions.begin() as tx:
        due: Sequence[Due] = await delivery_queue.lock_due(tx, lane, 30, (), 20)
        assert [d.endpoint_id for d in due].count(crowded.id) == 20
        assert [d.endpoint_id for d in due].count(other.id) == 1


@pytest.mark.parametrize("seed", range(4))
async def test_order_holds_whatever_happens(
    hooks: Hooks, shop: Shop, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Endpoints that answer, fail, hang up or never answer; processes that come and go; retries at any time."""
    monkeypatch.setattr(deliver_webhooks, "LEASE", timedelta(seconds=0.5))
    monkeypatch.setattr(outgoing_http, "TOTAL_SECONDS", 0.2)
    chance = random.Random(seed)  # noqa: S311

    async def somehow(writer: asyncio.StreamWriter) -> None:
        await chance.choice([answer(204), answer(500), raw(b""), silence])(writer)

    shop.behave["/hooks"] = somehow
    made = await hooks.endpoint(shop.url())
    intents = [new_id() for _ in range(6)]
    numbers = dict.fromkeys(intents, 0)
    for _ in range(6):
        async with hooks.sending():
            for _ in range(6):
                intent = chance.choice(intents)
                numbers[intent] += 1
                await hooks.tell(hop(numbers[intent], intent=intent))
                await asyncio.sleep(chance.random() * 0.05)
                if chance.random() < 0.5:
                    await hooks.bring_forward_tried()
    shop.behave["/hooks"] = answer()
    async with hooks.sending():

        async def all_ended() -> bool:
            await hooks.bring_forward_tried()
            return not await hooks.deliveries(made.id, DeliveryStatus.PENDING)

        await hooks.until(all_ended)
    assert {d.status for d in await hooks.deliveries(made.id)} == {DeliveryStatus.SUCCEEDED}
    for intent in intents:
        arrived = [r.event["data"]["payment_intent"]["hop"] for r in shop.received if str(intent) in r.body.decode()]
        assert arrived == sorted(arrived), "a later event never comes before an earlier one has been taken"
        assert set(arrived) == set(range(1, numbers[intent] + 1))
