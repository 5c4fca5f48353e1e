import asyncio

import asyncpg
import pytest

from apps.payments.domain.transitions import State
from apps.payments.handlers import sweeps
from apps.payments.tests.building import approval, confirm, create, last_error
from apps.payments.tests.room import Room
from contracts.message import Outcome
from contracts.payments import PaymentIntentFailed
from contracts.wallet import PostTransfer
from tests.fresh_databases import FreshDatabase

OVERDUE = "UPDATE payment_intent SET deadline_at = now() - interval '1 second' WHERE deadline_at IS NOT NULL"


async def make_overdue(room: Room) -> None:
    await room.database.pool.execute(OVERDUE)


async def test_a_payment_that_risk_leaves_unanswered_fails_and_can_be_confirmed_again(room: Room) -> None:
    command = create()
    await room.deliver(command)
    assert await room.sweep() == []
    await make_overdue(room)
    (reply,) = await room.sweep()
    intent = await room.intent(command.data.payment_intent_id)
    (failed,) = await room.said(PaymentIntentFailed)

    assert (intent.state, last_error(intent).code) == (State.REQUIRES_PAYMENT_METHOD, "risk_timed_out")
    assert (reply.outcome, reply.problem) == (Outcome.COMPLETED, intent.last_payment_error)
    assert (failed.correlationid, failed.causationid) == ("order-7", command.id)
    assert await room.sweep() == []
    (again,) = await room.deliver(confirm(intent.id))
    assert again.outcome is Outcome.ACCEPTED


async def test_a_decision_after_the_deadline_moves_no_money(room: Room) -> None:
    command = create()
    await room.deliver(command)
    await make_overdue(room)
    await room.sweep()
    await room.deliver(approval(await room.assessment(command.data.payment_intent_id)))
    assert (await room.intent(command.data.payment_intent_id)).state is State.REQUIRES_PAYMENT_METHOD
    assert await room.said(PostTransfer) == []


async def test_a_decision_before_the_sweep_still_counts(room: Room) -> None:
    command = create()
    await room.deliver(command)
    await make_overdue(room)
    await room.deliver(approval(await room.assessment(command.data.payment_intent_id)))
    assert await room.sweep() == []
    assert (await room.intent(command.data.payment_intent_id)).state is State.POSTING


async def test_a_sweep_takes_a_bounded_number_the_longest_overdue_first(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 2)
    first, second = [create() for _ in range(2)], [create() for _ in range(3)]
    await room.deliver(*first)
    await make_overdue(room)
    await asyncio.sleep(0.01)
    await room.deliver(*second)
    await make_overdue_but_later(room)
    await room.sweep()
    states = [i.state for i in await room.intents([c.data.payment_intent_id for c in (*first, *second)])]
    assert states == [State.REQUIRES_PAYMENT_METHOD] * 2 + [State.ASSESSING] * 3
    assert [len(await room.sweep()) for _ in range(3)] == [2, 1, 0]


async def make_overdue_but_later(room: Room) -> None:
    await room.database.pool.execute("UPDATE payment_intent SET deadline_at = now() WHERE deadline_at > now()")


async def test_a_sweep_waits_for_nobody(room: Room, payments_database: FreshDatabase) -> None:
    held, free = create(), create()
    await room.deliver(held, free)
    await make_overdue(room)
    other = await asyncpg.connect(payments_database.url)
    try:
        async with other.transaction():
            await other.execute("SELECT FROM payment_intent WHERE id = $1 FOR UPDATE", held.data.payment_intent_id)
            assert len(await asyncio.wait_for(room.sweep(), 5)) == 1
    finally:
        await other.close()
    assert (await room.intent(held.data.payment_intent_id)).state is State.ASSESSING
    assert (await room.intent(free.data.payment_intent_id)).state is State.REQUIRES_PAYMENT_METHOD
