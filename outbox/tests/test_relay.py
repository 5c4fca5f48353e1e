"""The broker may forget everything: the outbox says it all again, in order, and nothing twice that is still held."""

import asyncio
import random
import shutil
from collections import Counter
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from nats.aio.client import Client
from prometheus_client import REGISTRY

from outbox import relay
from outbox.publisher import Said, publish
from outbox.relay import Relay
from outbox.tests.conftest import ServiceFactory, count_effects, effects, open_account, send, stored, until
from outbox.transaction import Transactions
from tests.servers import NatsServer

EVENTS = "WALLET_EVENTS"


async def say(transactions: Transactions, number: int) -> None:
    """Commit effects and events without any command from the broker."""
    async with transactions.begin() as tx:
        await count_effects(tx, [open_account() for _ in range(number)])


async def held(broker: NatsServer, stream: str = EVENTS) -> list[int]:
    """The outbox positions that a stream holds, in its order."""
    client = await broker.connect("provisioner")
    try:
        return [int(message["sequence"]) for message in await stored(client, stream)]
    finally:
        await client.close()


async def back_up(broker: NatsServer, backup: Path) -> None:
    await broker.stop()
    shutil.copytree(broker.jetstream, backup)
    await broker.start()


async def restore(broker: NatsServer, backup: Path) -> None:
    await broker.stop()
    shutil.rmtree(broker.jetstream)
    shutil.copytree(backup, broker.jetstream)
    await broker.start()


async def test_a_wiped_broker_is_told_everything_again(
    running: ServiceFactory, broker: NatsServer, gateway: Client, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    commands = [open_account() for _ in range(25)]
    async with running():
        await send(gateway, [command.encode() for command in commands])
        await until(lambda: _holds(broker, 25))
        await broker.wipe()
        await broker.provision()
        await until(lambda: _holds(broker, 25))
        await send(gateway, [command.encode() for command in commands])  # the gateway repeats itself too
        more = [open_account() for _ in range(5)]
        await send(gateway, [command.encode() for command in more])
        positions = await until(lambda: _holds(broker, 30))
    assert positions == sorted(set(positions))
    assert await effects(session) == sorted(c.data.account_id for c in commands + more)


async def test_a_stream_restored_from_a_backup_is_told_what_it_lacks_and_no_more(
    running: ServiceFactory, broker: NatsServer, transactions: Transactions, tmp_path: Path
) -> None:
    async with running():
        await _say_and_wait(transactions, broker, number=4, total=4)
        await back_up(broker, tmp_path / "backup")
        await _say_and_wait(transactions, broker, number=3, total=7)
        await restore(broker, tmp_path / "backup")
        positions = await until(lambda: _holds(broker, 7))
    assert positions == [1, 2, 3, 4, 5, 6, 7]


async def test_a_shortened_stream_that_others_made_grow_again_is_noticed(
    running: ServiceFactory, broker: NatsServer, transactions: Transactions, tmp_path: Path
) -> None:
    async with running():
        await _say_and_wait(transactions, broker, number=4, total=4)
        await back_up(broker, tmp_path / "backup")
        await _say_and_wait(transactions, broker, number=3, total=7)
    await restore(broker, tmp_path / "backup")
    other = await broker.connect("wallet")
    said = [
        Said(n, open_account().id, "wallet.events.account.opened", open_account().encode().decode())
        for n in range(900, 905)
    ]
    await publish(other, EVENTS, said)
    await other.close()
    async with running():
        positions = await until(lambda: _holds(broker, 12))
    assert positions == [1, 2, 3, 4, 900, 901, 902, 903, 904, 5, 6, 7]


async def test_nothing_is_published_to_a_restored_stream_before_it_was_compared(
    running: ServiceFactory, broker: NatsServer, transactions: Transactions, tmp_path: Path
) -> None:
    async with running() as service:
        await _say_and_wait(transactions, broker, number=4, total=4)
        await back_up(broker, tmp_path / "backup")
        await _say_and_wait(transactions, broker, number=3, total=7)
        await broker.stop()
        await say(service.transactions, 2)  # said while the broker is away, and offered to the relay at once
        shutil.rmtree(broker.jetstream)
        shutil.copytree(tmp_path / "backup", broker.jetstream)
        await broker.start()
        positions = await until(lambda: _holds(broker, 9))
    assert positions == [1, 2, 3, 4, 5, 6, 7, 8, 9]


async def test_a_shortened_stream_is_searched_past_what_is_no_message(
    running: ServiceFactory, broker: NatsServer, transactions: Transactions, tmp_path: Path
) -> None:
    async with running():
        await _say_and_wait(transactions, broker, number=4, total=4)
    await broker.stop()
    shutil.copytree(broker.jetstream, tmp_path / "backup")
    await broker.start()
    async with running():
        await _say_and_wait(transactions, broker, number=3, total=7)
    await restore(broker, tmp_path / "backup")
    other = await broker.connect("wallet")
    await publish(other, EVENTS, [Said(900, open_account().id, "wallet.events.account.opened", '{"no":"event"}')])
    await other.close()
    async with running():
        positions = await until(lambda: _holds(broker, 8))
    assert positions == [1, 2, 3, 4, 900, 5, 6, 7]


async def test_a_batch_that_the_stream_partly_knows_is_sent_again_one_by_one(broker: NatsServer) -> None:
    client = await broker.connect("wallet")
    subject = "wallet.events.account.opened"
    said = [Said(n, open_account().id, subject, f'{{"data":{{"n":{n}}}}}') for n in range(1, 101)]
    assert await publish(client, EVENTS, said[:40]) == 40  # atomic
    assert await publish(client, EVENTS, said) == 100  # refused as a batch
    assert await publish(client, EVENTS, said[95:]) == 100  # one by one
    assert await publish(client, EVENTS, said[99:]) == 100  # a single one
    await client.close()
    assert await held(broker) == list(range(1, 101))


async def test_a_service_that_stops_publishes_what_it_has_said(
    running: ServiceFactory, broker: NatsServer, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for number in range(1, 6):
        async with running() as service:
            await until(partial(at_rest, service.relay))
            await asyncio.gather(*(say(service.transactions, 40) for _ in range(3)))
        assert len(await held(broker)) == 120 * number
    assert await session.fetchval("SELECT position FROM relay_cursor WHERE stream = $1", EVENTS) == 600


async def at_rest(relay: Relay) -> bool:
    return bool(relay._relays) and all(stream.is_idle for stream in relay._relays.values())


async def test_how_far_it_is_behind_is_told_while_the_broker_is_away(
    running: ServiceFactory, broker: NatsServer, transactions: Transactions
) -> None:
    async with running() as service:
        await _say_and_wait(transactions, broker, number=1, total=1)
        await broker.stop()
        await say(service.transactions, 3)
        await until(partial(_lags, 3))
        await broker.start()
        await until(partial(_lags, 0))
    assert await _lag() is None, "who no longer publishes has nothing to tell"


async def test_of_two_replicas_one_publishes_and_the_other_takes_over(
    running: ServiceFactory, broker: NatsServer, transactions: Transactions
) -> None:
    async with running() as second:
        async with running():
            await say(transactions, 10)
            await until(lambda: _holds(broker, 10))
        await say(transactions, 10)
        second.relay.read_tables()
        positions = await until(lambda: _holds(broker, 20))
    assert Counter(positions) == Counter(range(1, 21))


async def test_what_a_replica_says_is_published_by_the_other_without_waiting_for_its_next_look(
    running: ServiceFactory, broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "POLL_SECONDS", 3600.0)
    async with running() as leader:
        await until(partial(at_rest, leader.relay))
        async with running() as other:
            for total in (5, 10):
                await until(partial(at_rest, leader.relay))
                await say(other.transactions, 5)
                assert not other.relay.leads
                await until(partial(_holds, broker, total))


async def test_what_is_said_by_replicas_and_after_rollbacks_is_published_once_and_in_order(
    running: ServiceFactory,
    broker: NatsServer,
    transactions: Transactions,
    session: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """The service publishes its own rows without reading them back; others' rows and gaps must not be skipped."""
    choices = random.Random(20261122).choices  # noqa: S311 - a seed that repeats
    async with running() as service:
        for speaker in choices(["own", "own racing", "other replica", "rolled back"], k=80):
            if speaker == "rolled back":
                with pytest.raises(RuntimeError):
                    await roll_back(service.transactions)
            elif speaker == "own racing":
                await asyncio.gather(*(say(service.transactions, 2) for _ in range(4)))
            else:
                await say(service.transactions if speaker == "own" else transactions, 1)
        committed = await session.fetchval("SELECT array_agg(position ORDER BY position) FROM outbox")
        positions = await until(lambda: _holds(broker, len(committed)))
    assert positions == committed
    assert committed[-1] > len(committed)


async def roll_back(transactions: Transactions) -> None:
    async with transactions.begin() as tx:
        await count_effects(tx, [open_account()])
        await tx.flush()
        raise RuntimeError("its positions are used up")


async def test_the_order_of_the_outbox_is_the_order_of_commits(
    transactions: Transactions, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    order = []

    async def commit(name: str, begun: asyncio.Event, hold: asyncio.Event) -> None:
        async with transactions.begin() as tx:
            await count_effects(tx, [open_account()])
            begun.set()
            await hold.wait()
            await tx.flush()  # takes its turn here: a second committer waits until the first has committed
            tx._outgoing.clear()
            tx._answers.clear()
            order.append(name)
            await asyncio.sleep(0.1)
            assert await session.fetchval("SELECT count(*) FROM outbox") == len(order) - 1

    begun = [asyncio.Event() for _ in range(3)]
    hold = [asyncio.Event() for _ in range(3)]
    tasks = [asyncio.create_task(commit(str(n), begun[n], hold[n])) for n in range(3)]
    await asyncio.gather(*(event.wait() for event in begun))
    for event in reversed(hold):
        event.set()
    await asyncio.gather(*tasks)
    assert await session.fetchval("SELECT array_agg(position ORDER BY position) FROM outbox") == [1, 2, 3]


async def _holds(broker: NatsServer, number: int) -> list[int] | None:
    try:
        positions = await held(broker)
    except Exception:  # noqa: BLE001 - it is away at this moment
        return None
    return positions if len(positions) >= number else None


async def _lag() -> float | None:
    return REGISTRY.get_sample_value("ledgerlink_outbox_lag_messages", {"stream": EVENTS})


async def _lags(number: int) -> bool:
    return await _lag() == number


async def _say_and_wait(transactions: Transactions, broker: NatsServer, *, number: int, total: int) -> None:
    await say(transactions, number)
    await until(lambda: _holds(broker, total))
