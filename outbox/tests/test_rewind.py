"""`ledgerlink outbox rewind`: what a stream lost unnoticed is said again, in order, beside what goes on."""

from datetime import UTC, datetime

import asyncpg
import pytest

from ops.outboxes import OutboxReport, plan_rewind, read_outboxes, rewind
from ops.stack.errors import StackError
from outbox.tests.conftest import ServiceFactory, count_effects, open_account, stored, until
from outbox.transaction import Transactions
from tests.fresh_databases import FreshDatabase
from tests.servers import NatsServer

EVENTS = "WALLET_EVENTS"
_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%relay_cursor%'"


async def _say(transactions: Transactions, number: int) -> None:
    async with transactions.begin() as tx:
        await count_effects(tx, [open_account() for _ in range(number)])


async def _published(database: FreshDatabase, position: int) -> None:
    """Wait until the relay has published all up to a position, and said so."""

    async def enough() -> bool:
        return (await _report(database)).position == position

    await until(enough)


async def _report(database: FreshDatabase) -> OutboxReport:
    [report] = [r for r in await read_outboxes({"wallet": database.url}) if r.stream == EVENTS]
    return report


async def _purge(broker: NatsServer) -> None:
    """Lose all that the stream holds in a way that looks as if its limits had dropped it, and what it dedupes by."""
    provisioner = await broker.connect("provisioner")
    await provisioner.jetstream(timeout=5).purge_stream(EVENTS)
    await provisioner.close()
    await broker.stop()
    await broker.start()


async def _held(broker: NatsServer) -> list[int]:
    """Return the outbox positions that the stream holds, in its order."""
    client = await broker.connect("provisioner")
    try:
        return [int(message["sequence"]) for message in await stored(client, EVENTS)]
    finally:
        await client.close()


async def test_a_running_relay_says_again_what_follows_a_position(
    running: ServiceFactory, broker: NatsServer, database: FreshDatabase, transactions: Transactions
) -> None:
    async with running():
        await _say(transactions, 7)
        await _published(database, 7)
        await _purge(broker)
        plan = await plan_rewind(database.url, "wallet", EVENTS, position=4)
        assert (plan.position, plan.until, plan.messages, plan.done) == (4, 7, 3, False)
        done = await rewind(database.url, plan, 20)
        assert (done.done, done.until) == (True, 7)
        assert await _held(broker) == [5, 6, 7]
        everything = await plan_rewind(database.url, "wallet", EVENTS)
        assert (everything.position, everything.messages) == (0, 7)
        assert (await rewind(database.url, everything, 20)).done
        await _say(transactions, 2)
        await _published(database, 9)
    # The stream itself drops those three that it was told a moment ago.
    assert await _held(broker) == [5, 6, 7, 1, 2, 3, 4, 8, 9]


async def test_a_service_that_is_away_says_it_when_it_starts(
    running: ServiceFactory, broker: NatsServer, database: FreshDatabase, transactions: Transactions
) -> None:
    async with running():
        await _say(transactions, 3)
        await _published(database, 3)
        between = datetime.now(UTC)
        await _say(transactions, 2)
        await _published(database, 5)
    await _purge(broker)
    plan = await plan_rewind(database.url, "wallet", EVENTS, since=between)
    assert (plan.position, plan.messages) == (3, 2)
    assert not (await rewind(database.url, plan, 0)).done
    waiting = await _report(database)
    assert (waiting.position, waiting.lag, waiting.first, waiting.last) == (3, 2, 1, 5)
    assert waiting.said_until is not None
    assert waiting.unsaid_since is not None
    assert waiting.said_until < between < waiting.unsaid_since
    async with running():
        await _published(database, 5)
    assert await _held(broker) == [4, 5]
    assert (await _report(database)).lag == 0


async def test_a_cursor_that_is_saved_meanwhile_does_not_undo_the_rewind(
    running: ServiceFactory,
    broker: NatsServer,
    database: FreshDatabase,
    transactions: Transactions,
    session: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """The relay saves its cursor while it publishes: it must not write it over the operator's."""
    async with running():
        await _say(transactions, 3)
        await _published(database, 3)
        await _purge(broker)
        blocked = session.transaction()
        await blocked.start()
        await session.execute("UPDATE relay_cursor SET position = 0, sequence = 0 WHERE stream = $1", EVENTS)
        await _say(transactions, 2)

        async def saving() -> bool:  # the relay's save waits for the operator's transaction
            return bool(await session.fetchval(_WAITS))

        await until(saving)
        await blocked.commit()
        await _published(database, 5)
        assert sorted(await _held(broker)) == [1, 2, 3, 4, 5]


async def test_nothing_to_say_is_said(database: FreshDatabase) -> None:
    with pytest.raises(StackError, match="there is no service ledger"):
        await plan_rewind(database.url, "ledger", EVENTS)
    with pytest.raises(StackError, match="wallet says nothing in RISK_EVENTS; it does in DEAD_LETTERS, WALLET_EVENTS"):
        await plan_rewind(database.url, "wallet", "RISK_EVENTS")
    with pytest.raises(StackError, match="nothing to say again"):
        await plan_rewind(database.url, "wallet", EVENTS, position=1)
