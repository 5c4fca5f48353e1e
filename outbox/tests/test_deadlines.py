"""Answers in time: while nothing can be committed each message gets a stand-in, and its answer later all the same."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.ids import new_id
from contracts.message import Envelope, decode
from contracts.wallet import AccountOpened, OpenAccount
from outbox.deadlines import AnswerBy, Deadlines, StandIn, Travel
from outbox.publisher import Said
from outbox.tests.conftest import ServiceFactory, count_effects, effects, open_account, send, stored, until
from outbox.transaction import Spoken, Transaction

SUBJECT = AccountOpened.contract.subject
STREAM = "WALLET_EVENTS"
LONG = 600.0


def instead(payload: bytes) -> StandIn | None:
    """Say the id of the message that waits, under an id that follows from it."""
    try:
        command = decode(payload, OpenAccount)
    except ValueError:
        return None
    return StandIn(UUID(int=command.id.int ^ 1), SUBJECT, b'{"stands_in_for":"%b"}' % str(command.id).encode())


class Held:
    """A handler that waits as long as it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def handle(self, tx: Transaction, commands: Sequence[Envelope[OpenAccount]]) -> None:
        await self.go.wait()
        await count_effects(tx, commands)


def stand_ins(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["stands_in_for"] for event in events if "stands_in_for" in event]


async def test_each_of_more_messages_than_fit_in_a_batch_gets_a_stand_in_and_then_its_answer(
    running: ServiceFactory, gateway: Client, operator: Client, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    held, commands = Held(), [open_account() for _ in range(40)]
    async with running(held.handle, batch_size=4, answer_by=AnswerBy(0.05, instead)):
        await send(gateway, [command.encode() for command in commands])

        async def all_answered() -> bool:
            return len(stand_ins(await stored(operator, STREAM))) == len(commands)

        await until(all_answered)
        assert await effects(session) == []
        held.go.set()

        async def all_done() -> bool:
            return len(await stored(operator, STREAM)) == 2 * len(commands)

        await until(all_done)
    events = await stored(operator, STREAM)
    assert sorted(stand_ins(events)) == sorted(str(command.id) for command in commands)
    assert {e["causationid"] for e in events if "causationid" in e} == {str(command.id) for command in commands}
    assert len(await effects(session)) == len(commands)


async def test_what_is_answered_in_time_gets_no_stand_in(
    running: ServiceFactory, gateway: Client, operator: Client
) -> None:
    commands = [open_account() for _ in range(20)]
    async with running(answer_by=AnswerBy(LONG, instead)) as service:
        await send(gateway, [command.encode() for command in commands])

        async def all_done() -> bool:
            return len(await stored(operator, STREAM)) == len(commands)

        await until(all_done)
        deadlines = service.broker.subscribers[0].deadlines  # type: ignore[attr-defined]
        assert deadlines.overdue == 0
    assert stand_ins(await stored(operator, STREAM)) == []


async def test_what_nobody_can_read_gets_none(running: ServiceFactory, gateway: Client, operator: Client) -> None:
    held, readable = Held(), open_account()
    async with running(held.handle, answer_by=AnswerBy(0.05, instead)):
        await send(gateway, [b"{}", readable.encode()])

        async def answered() -> list[str]:
            return stand_ins(await stored(operator, STREAM))

        assert await until(answered) == [str(readable.id)]
        held.go.set()


@pytest.mark.parametrize("is_published", [False, True])
async def test_a_committed_answer_that_the_relay_has_not_published_is_published_as_it_is(
    broker: Any, operator: Client, is_published: bool
) -> None:
    wallet = await broker.connect("wallet")

    async def connect() -> Client:
        client: Client = wallet
        return client

    def has_said(_stream: str, _row: Said) -> bool:
        return is_published

    deadlines = Deadlines("d", AnswerBy(0.05, lambda _: None), connect, has_said)
    cause, other = new_id(), new_id()
    rows = [
        (STREAM, Said(n, new_id(), SUBJECT, f'{{"id":"x","causationid":"{identifier}"}}'))
        for n, identifier in enumerate((other, cause), start=7)
    ]
    message = Msg(wallet, "wallet.commands.open_account", "$JS.ACK.S.d.1.1.1.1700000000000000000.0", b"")
    deadlines.arrived(message)
    deadlines.committed([(message, cause)], Spoken(said=rows))
    if is_published:
        await asyncio.sleep(0.1)
        assert await stored(operator, STREAM) == []
    else:

        async def published() -> list[dict[str, Any]]:
            return await stored(operator, STREAM)

        [event] = await until(published)
        assert (event["causationid"], int(event["sequence"])) == (str(cause), 8)
    await wallet.close()


@given(st.floats(-1e9, 1e9), st.lists(st.tuples(st.floats(0, 10), st.floats(0, 50)), min_size=1, max_size=30))
def test_time_on_the_way_counts_whatever_the_broker_takes_for_the_time(
    ahead: float, messages: list[tuple[float, float]]
) -> None:
    travel, now, quickest = Travel(), 0.0, math.inf
    for took, pause in messages:
        now += pause
        if now > 60:  # the first minutes tell how far the clocks are apart
            break
        quickest = min(quickest, took)
        assert travel.seconds(now - took + ahead, now) == pytest.approx(took - quickest, abs=1e-5)


def test_a_clock_that_was_set_is_believed_again_after_two_minutes() -> None:
    travel = Travel()
    assert travel.seconds(1_000.0, 0.0) == 0
    assert travel.seconds(971.0, 1.0) == 30
    assert travel.seconds(1_031.5, 61.5) == 30
    assert travel.seconds(1_092.5, 122.5) == 0


async def test_time_in_the_brokers_hands_counts_also_behind_what_was_stored_later(
    broker: Any, operator: Client
) -> None:
    wallet = await broker.connect("wallet")

    async def connect() -> Client:
        client: Client = wallet
        return client

    asked, event_id = list[bytes](), new_id()

    def stand_in(payload: bytes) -> StandIn:
        asked.append(payload)
        return StandIn(event_id, SUBJECT, payload)

    deadlines = Deadlines("d", AnswerBy(LONG, stand_in), connect, lambda _stream, _row: False)
    for sequence, (stored_at, payload) in enumerate([(1_700_000_000, b'{"new":1}'), (1_699_999_000, b'{"old":1}')]):
        reply = f"$JS.ACK.S.d.1.{sequence}.{sequence}.{stored_at}000000000.0"
        deadlines.arrived(Msg(wallet, "wallet.commands.open_account", reply, payload))

    async def published() -> list[dict[str, Any]]:
        return await stored(operator, STREAM)

    assert await until(published) == [{"old": 1}]
    assert asked == [b'{"old":1}']
    await wallet.close()
