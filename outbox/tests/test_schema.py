"""Upkeep makes and drops partitions; the runtime role can neither rewrite nor erase what was said."""

import asyncpg
import pytest

from outbox.tests.conftest import open_account
from outbox.tests.test_relay import say
from outbox.transaction import Transactions
from tests.fresh_databases import FreshDatabase

PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1::text::regclass ORDER BY 1"


async def partitions(session: "asyncpg.Connection[asyncpg.Record]", table: str) -> list[str]:
    return [row[0] for row in await session.fetch(PARTITIONS, table)]


async def test_partitions_cover_retention_and_the_next_days(session: "asyncpg.Connection[asyncpg.Record]") -> None:
    assert len(await partitions(session, "inbox")) == 16 + 3
    assert len(await partitions(session, "outbox")) == 1 + 3
    await session.execute("SELECT maintain_delivery(7, 20)")
    assert len(await partitions(session, "inbox")) == 20 + 3
    await session.execute("SELECT maintain_delivery(7, 16)")
    assert len(await partitions(session, "inbox")) == 16 + 3


async def test_an_old_outbox_partition_goes_only_when_all_of_it_was_said(
    database: FreshDatabase, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        "CREATE TABLE outbox_20200101 PARTITION OF outbox FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')"
    )
    await owner.execute(
        "INSERT INTO outbox (event_id, stream, subject, envelope, recorded_at) "
        "VALUES (gen_random_uuid(), 'WALLET_EVENTS', 's', '{}', '2020-01-01 12:00+00')"
    )
    await owner.close()
    await session.execute("SELECT maintain_delivery(7, 16)")
    assert "outbox_20200101" in await partitions(session, "outbox")
    await session.execute("INSERT INTO relay_cursor VALUES ('WALLET_EVENTS', 1, now(), 1)")
    await session.execute("SELECT maintain_delivery(7, 16)")
    assert "outbox_20200101" not in await partitions(session, "outbox")


async def test_upkeep_does_not_read_the_outbox_to_tell_what_may_go(
    database: FreshDatabase, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        "CREATE TABLE outbox_20200101 PARTITION OF outbox FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')"
    )
    await owner.execute(
        "INSERT INTO outbox (event_id, stream, subject, envelope, recorded_at) "
        "SELECT gen_random_uuid(), 'S' || n % 3, 's', '{}', day FROM generate_series(1, 3000) AS n, "
        "unnest(ARRAY['2020-01-01 12:00+00', now()]) AS day"
    )
    await owner.execute(
        "INSERT INTO relay_cursor SELECT 'S' || n, 10000 - n * 9999, now(), 1 FROM generate_series(0, 1) AS n"
    )
    async with owner.transaction():
        await owner.execute("SELECT maintain_delivery(7, 16)")
        read = await owner.fetchval(
            "SELECT sum(pg_stat_get_xact_tuples_returned(c.oid) + pg_stat_get_xact_tuples_fetched(c.oid)) "
            "FROM pg_class c WHERE c.relname LIKE 'outbox%'"
        )
    assert read < 100
    assert "outbox_20200101" in await partitions(session, "outbox")
    await owner.execute("UPDATE relay_cursor SET position = 10000")
    await owner.execute("INSERT INTO relay_cursor VALUES ('S2', 10000, now(), 1)")
    await owner.execute("SELECT maintain_delivery(7, 16)")
    assert "outbox_20200101" not in await partitions(session, "outbox")
    await owner.close()


async def test_idempotency_keys_are_forgotten_some_at_a_time(
    database: FreshDatabase, session: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        "INSERT INTO idempotency_key SELECT 'scope', 'key' || n, '', NULL, now() - n * interval '1 day' "
        "FROM generate_series(1, 40) AS n"
    )
    await owner.close()
    left = []
    for _ in range(3):
        await session.execute("SELECT forget_idempotency_keys(6)")
        left.append(await session.fetchval("SELECT max(substr(key, 4)::int) FROM idempotency_key"))
    assert left[0] == 34
    assert left[1] == left[2]
    assert left[2] in {29, 30}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outbox SET subject = 'x'",
        "DELETE FROM outbox",
        "TRUNCATE outbox",
        "UPDATE inbox SET consumer = 'x'",
        "DELETE FROM inbox",
        "DELETE FROM idempotency_key",
        "UPDATE idempotency_key SET fingerprint = ''",
        "DELETE FROM relay_cursor",
        "DROP TABLE outbox",
        "CREATE TABLE mine (id int)",
    ],
)
async def test_the_runtime_role_cannot_rewrite_history(
    statement: str, session: "asyncpg.Connection[asyncpg.Record]", transactions: Transactions
) -> None:
    await say(transactions, 1)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await session.execute(statement)


async def test_the_inbox_tells_new_from_known(transactions: Transactions) -> None:
    first, second = open_account().id, open_account().id
    async with transactions.begin() as tx:
        assert await tx.take_new("a", [first, first]) == {first}
    async with transactions.begin() as tx:
        assert await tx.take_new("a", [second, first]) == {second}
        assert await tx.take_new("b", [first]) == {first}
