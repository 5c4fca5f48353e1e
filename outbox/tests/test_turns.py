"""Batches of one consumer overlap, and still take effect once, and in the order in which they came."""

import asyncio
from collections.abc import Sequence
from typing import cast
from uuid import UUID

import asyncpg
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.message import Envelope
from contracts.topology import durable
from contracts.wallet import OpenAccount
from outbox.consumer import Consumer
from outbox.tests.conftest import DURABLE, STREAM, SUBJECT, effects, open_account, until
from outbox.transaction import Transaction, Transactions

IN_TRANSACTION = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'
"""


class Acknowledgements:
    """Stands where the broker's client does."""

    def __init__(self) -> None:
        self.said: list[bytes] = []

    async def publish(self, _subject: str, payload: bytes = b"") -> None:
        self.said.append(payload or b"+ACK")


class Bench:
    """A consumer whose first batch waits in its handler until it is let go; a poison command fails its batch."""

    def __init__(self, transactions: Transactions) -> None:
        self.acknowledgements = Acknowledgements()
        self.consumer = Consumer(durable(DURABLE), self.handle, transactions, 16)
        self.go = asyncio.Event()
        self.handled: list[list[UUID]] = []
        self.poison: UUID | None = None

    async def handle(self, tx: Transaction, commands: Sequence[Envelope[OpenAccount]]) -> None:
        await self.go.wait()
        ids = [command.data.account_id for command in commands]
        if self.poison in ids:
            raise ValueError("poison")
        await tx.execute("INSERT INTO effect SELECT id, $2 FROM unnest($1::uuid[]) AS id", ids, len(ids))
        self.handled.append(ids)

    def begin(self, *payloads: bytes) -> "asyncio.Task[None]":
        client = cast("Client", self.acknowledgements)
        reply = f"$JS.ACK.{STREAM}.{DURABLE}.1.1.1.1700000000000000000.0"
        return asyncio.create_task(
            self.consumer.process([Msg(client, SUBJECT, reply, payload) for payload in payloads])
        )


@pytest.fixture
def bench(transactions: Transactions) -> Bench:
    return Bench(transactions)


def ids_of(commands: Sequence[Envelope[OpenAccount]]) -> list[UUID]:
    return [command.data.account_id for command in commands]


def encoded(commands: Sequence[Envelope[OpenAccount]]) -> list[bytes]:
    return [command.encode() for command in commands]


async def waiting(session: "asyncpg.Connection[asyncpg.Record]", transactions: int) -> None:
    """Wait until so many transactions have recorded their messages and wait for what comes next."""

    async def all_wait() -> bool:
        return bool(await session.fetchval(IN_TRANSACTION) == transactions)

    await until(all_wait)


async def test_the_next_batch_is_recorded_while_one_is_handled_and_waits_for_its_turn(
    bench: Bench, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    first, second = [open_account() for _ in range(3)], [open_account() for _ in range(2)]
    tasks = [bench.begin(*encoded(first)), bench.begin(*encoded(second))]
    await waiting(session, 2)
    assert bench.handled == []
    bench.go.set()
    await asyncio.gather(*tasks)
    assert bench.handled == [ids_of(first), ids_of(second)]
    assert bench.acknowledgements.said == [b"+ACK"] * 5


async def test_a_message_of_two_overlapping_batches_has_one_effect(
    bench: Bench, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    commands = [open_account() for _ in range(4)]
    tasks = [bench.begin(*encoded(commands[:3])), bench.begin(*encoded(commands[1:]))]
    await waiting(session, 1)
    bench.go.set()
    await asyncio.gather(*tasks)
    assert await effects(session) == sorted(ids_of(commands))
    assert len(bench.acknowledgements.said) == 6


async def test_a_batch_that_fails_is_tried_again_in_halves_before_the_next_has_its_turn(
    bench: Bench, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    commands = [open_account() for _ in range(6)]
    bench.poison = commands[1].data.account_id
    # The second batch holds one of the first again, so that its record must not stand in the way of the halves.
    tasks = [bench.begin(*encoded(commands[:4])), bench.begin(*encoded(commands[3:]))]
    await waiting(session, 1)
    bench.go.set()
    await asyncio.gather(*tasks)
    healthy = [identifier for identifier in ids_of(commands) if identifier != bench.poison]
    assert [identifier for batch in bench.handled for identifier in batch] == healthy
    assert sorted(bench.acknowledgements.said)[:6] == [b"+ACK"] * 6
    assert [said for said in bench.acknowledgements.said if said.startswith(b"-NAK")]


async def test_a_batch_with_nothing_to_do_lets_nobody_overtake_the_one_before(
    bench: Bench, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    first, third = [open_account()], [open_account()]
    tasks = [bench.begin(*encoded(first)), bench.begin(b"no message"), bench.begin(*encoded(third))]
    await waiting(session, 1)
    await asyncio.sleep(0.1)
    bench.go.set()
    await asyncio.gather(*tasks)
    assert bench.handled == [ids_of(first), ids_of(third)]
    assert bench.acknowledgements.said.count(b"+ACK") == 2
