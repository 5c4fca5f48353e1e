"""A dead letter that is replayed: its own consumer handles it exactly once, however it comes back."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import asyncpg
import orjson
import pytest
from nats.aio.client import Client
from pydantic import SecretStr

from contracts.message import Envelope
from contracts.topology import durable
from contracts.wallet import OpenAccount
from ops import dead_letters
from ops.dead_letters import Letter, Outcome, Replay
from ops.operator_access import connected
from ops.stack.errors import StackError
from outbox.settings import BrokerSettings
from outbox.tests.conftest import DURABLE, ServiceFactory, count_effects, effects, open_account, send, stored, until
from outbox.transaction import Transaction
from tests.fresh_databases import FreshDatabase
from tests.servers import NatsServer


class Kitchen:
    """A handler that cannot digest some messages for a while."""

    def __init__(self, *poison: Envelope[OpenAccount]) -> None:
        self.poison = {command.id for command in poison}

    async def handle(self, tx: Transaction, batch: Sequence[Envelope[OpenAccount]]) -> None:
        await count_effects(tx, batch)
        if self.poison & {command.id for command in batch}:
            raise RuntimeError("cannot digest this")


@dataclass
class Desk:
    """What an operator does with dead letters, under the operator's own rights."""

    nc: Client
    url: str

    async def letters(self, number: int) -> list[Letter]:
        """Wait for so many."""

        async def enough() -> bool:
            return len(await dead_letters.letters(self.nc)) == number

        await until(enough)
        return await dead_letters.letters(self.nc)

    async def replay(self, *letters: Letter, wait: float = 20) -> list[Replay]:
        numbers = [letter.number for letter in letters]
        return await dead_letters.replay(self.nc, lambda _service: self.url, numbers, wait)

    async def settled(self) -> None:
        """Wait until the consumer has nothing to do any more."""

        async def nothing() -> bool:
            info = await self.nc.jetstream(timeout=5).consumer_info("WALLET_COMMANDS", DURABLE)
            return not info.num_pending and not info.num_ack_pending

        await until(nothing)


@pytest.fixture
async def desk(broker: NatsServer, database: FreshDatabase) -> AsyncIterator[Desk]:
    settings = BrokerSettings(nats_url=broker.url, nats_seed=SecretStr(broker.seeds["operator"]))
    async with connected(settings) as nc:
        yield Desk(nc, database.url)


async def test_a_replay_is_handled_once_and_takes_the_letter_away(
    running: ServiceFactory,
    gateway: Client,
    operator: Client,
    session: "asyncpg.Connection[asyncpg.Record]",
    desk: Desk,
) -> None:
    command = open_account()
    kitchen = Kitchen(command)
    async with running(kitchen.handle):
        await send(gateway, [command.encode()])
        [letter] = await desk.letters(1)
        assert (letter.consumer, letter.service, letter.message_id) == (DURABLE, "wallet", command.id)
        assert (letter.reason, letter.deliveries) == ("RuntimeError: cannot digest this", 5)
        found = await dead_letters.find(desk.nc, letter.number)
        assert found.message == orjson.loads(command.encode())

        [again] = await desk.replay(letter)
        assert (again.outcome, again.reason) == (Outcome.DEAD_AGAIN, letter.reason)
        assert await effects(session) == []

        kitchen.poison.clear()
        [second] = await desk.letters(1)
        assert second.number != letter.number
        [done] = await desk.replay(second)
        assert done.outcome is Outcome.HANDLED
        await desk.letters(0)
        for gone in (letter, second):
            with pytest.raises(StackError, match="no dead letter"):
                await desk.replay(gone)
        await desk.settled()
    assert await effects(session) == [command.data.account_id]
    assert len(await stored(operator, "WALLET_EVENTS")) == 1


async def test_what_was_handled_since_is_not_sent_and_a_repetition_has_no_effect(
    running: ServiceFactory, gateway: Client, session: "asyncpg.Connection[asyncpg.Record]", desk: Desk
) -> None:
    command = open_account()
    kitchen = Kitchen(command)
    async with running(kitchen.handle):
        await send(gateway, [command.encode()])
        [letter] = await desk.letters(1)
        kitchen.poison.clear()
        await send(gateway, [command.encode()])  # its sender says it once more
        await until(lambda: effects(session))
        [known] = await dead_letters.handled(lambda _service: desk.url, [letter])
        assert known.handled_at is not None
        [told] = await desk.replay(letter)
        assert told.outcome is Outcome.ALREADY_HANDLED
        await desk.letters(0)
        for _ in range(3):  # as if it had been sent all the same
            ack = orjson.loads((await desk.nc.request(durable(DURABLE).replays, command.encode(), timeout=5)).data)
            assert ack["stream"] == "WALLET_COMMANDS"
        await desk.settled()
    assert await effects(session) == [command.data.account_id]


async def test_a_letter_replayed_twice_in_a_row_is_stored_once(
    running: ServiceFactory,
    gateway: Client,
    operator: Client,
    session: "asyncpg.Connection[asyncpg.Record]",
    desk: Desk,
) -> None:
    command = open_account()
    kitchen = Kitchen(command)
    async with running(kitchen.handle):
        await send(gateway, [command.encode()])
        [letter] = await desk.letters(1)
    kitchen.poison.clear()
    for _ in range(2):  # the second time as if the first had died before it removed the letter
        await dead_letters._send(desk.nc, letter, durable(DURABLE), command.encode())
    assert len(await stored(operator, "WALLET_COMMANDS")) == 2
    async with running(kitchen.handle):
        [done] = await desk.replay(letter)
        assert done.outcome in {Outcome.HANDLED, Outcome.ALREADY_HANDLED}
        await desk.settled()
    assert await effects(session) == [command.data.account_id]


async def test_what_is_no_message_becomes_a_dead_letter_again(
    running: ServiceFactory, gateway: Client, session: "asyncpg.Connection[asyncpg.Record]", desk: Desk
) -> None:
    late = open_account(deadline="2026-01-01T00:00:00Z")
    async with running():
        await send(gateway, [b"not json", late.encode().replace(b"open_account.v1", b"open_account.v9")])
        first, second = await desk.letters(2)
        assert (first.message_id, first.message_type) == (None, None)
        assert (await dead_letters.find(desk.nc, first.number)).message == "not json"
        assert (second.message_id, second.is_late) == (late.id, True)
        told = await desk.replay(second, first)
        assert [one.outcome for one in told] == [Outcome.DEAD_AGAIN] * 2
        second, first = await desk.letters(2)
        assert (first.message_id, second.message_id) == (None, late.id)
        await dead_letters.drop(desk.nc, first.number)
        assert [letter.number for letter in await desk.letters(1)] == [second.number]
        with pytest.raises(StackError, match=f"dead letter {first.number}"):
            await dead_letters.drop(desk.nc, first.number)
        assert await dead_letters.letters(desk.nc, consumer="wallet-ledger") == []
    assert await effects(session) == []


async def test_replays_wait_for_a_service_that_is_away(
    running: ServiceFactory, gateway: Client, session: "asyncpg.Connection[asyncpg.Record]", desk: Desk
) -> None:
    commands = [open_account(), open_account()]
    kitchen = Kitchen(*commands)
    async with running(kitchen.handle):
        await send(gateway, [command.encode() for command in commands])
        letters = await desk.letters(2)
    kitchen.poison.clear()
    told = await desk.replay(*letters, wait=0)
    assert [one.outcome for one in told] == [Outcome.WAITING] * 2
    async with running(kitchen.handle):
        await desk.settled()
    assert await effects(session) == sorted(command.data.account_id for command in commands)
