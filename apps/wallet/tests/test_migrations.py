"""A ledger of the first release, with money in it, becomes the full ledger: nothing that was in it is lost or moved."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from apps.wallet.tests.balanced_books import broken_rules
from apps.wallet.tests.bank import Bank, code, placing, reversing, transfer
from contracts.ids import new_id
from outbox.database import Database
from outbox.migrate import migrate
from tests.fresh_databases import FreshDatabase, FreshDatabaseFactory

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_OPEN = "INSERT INTO account (id, owner, kind, currency, floor, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
_POST = """
WITH sides AS MATERIALIZED (
    SELECT d.id AS debit, d.balance - $4 AS debit_after, c.id AS credit, c.balance + $4 AS credit_after, d.currency,
           l.sequence + 1 AS sequence
    FROM account d, account c, ledger l WHERE d.id = $2 AND c.id = $3
), posted AS (
    INSERT INTO transfer (id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence,
                          posted_at)
    SELECT $1, debit, credit, $4, currency, $5, '', sequence, $6 FROM sides
), entered AS (
    INSERT INTO entry (account_id, sequence, transfer_id, amount, balance_after, posted_at)
    SELECT debit, sequence, $1::uuid, -$4::bigint, debit_after, $6::timestamptz FROM sides
    UNION ALL SELECT credit, sequence, $1, $4, credit_after, $6 FROM sides
), moved AS (
    UPDATE account SET last_sequence = sequence, balance = CASE id WHEN debit THEN debit_after ELSE credit_after END
    FROM sides WHERE id IN (debit, credit)
)
UPDATE ledger SET sequence = sides.sequence FROM sides
"""
_REFUSE = (
    "INSERT INTO refused_transfer (id, fingerprint, code, detail, refused_at) VALUES ($1, '', 'same_account', '', $2)"
)
_ENTRIES = "SELECT account_id, sequence, transfer_id, amount, balance_after FROM entry ORDER BY sequence, account_id"
_ACCOUNTS = "SELECT id, owner, kind, currency, balance, floor, last_sequence, created_at FROM account ORDER BY id"
_TRANSFERS = """
SELECT id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence FROM transfer
ORDER BY sequence
"""


@pytest.fixture
async def old(fresh_database: FreshDatabaseFactory) -> FreshDatabase:
    """A database of the first release."""
    database = await fresh_database("wallet", migrated=False)
    await asyncio.to_thread(migrate, "wallet", database.owner_url, "0001")
    return database


@pytest.fixture
async def owner(old: FreshDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(old.owner_url)
    yield connection
    await connection.close()


async def _populate(url: str) -> dict[str, list[UUID]]:
    """Open wallets and clearing accounts in three currencies, and move money, as the first release did."""
    role = await asyncpg.connect(url)
    accounts: dict[str, list[UUID]] = {}
    for currency in ("EUR", "JPY", "USD"):
        clearing, *wallets = accounts[currency] = [new_id() for _ in range(4)]
        await role.execute(_OPEN, clearing, None, "clearing", currency, None, FIRST)
        for wallet in wallets:
            await role.execute(_OPEN, wallet, new_id(), "wallet", currency, 0, FIRST)
    # Writers took their time before their turn: it goes back now and then.
    for number in range(60):
        clearing, a, b, c = list(accounts.values())[number % 3]
        debit, credit, amount = [(clearing, a, 100), (a, b, 30), (b, c, 7), (clearing, c, 11)][number // 3 % 4]
        posted_at = FIRST + timedelta(seconds=number + (5 if number % 7 == 0 else 0))
        await role.execute(_POST, new_id(), debit, credit, amount, new_id() if number % 2 else None, posted_at)
    await role.execute(_REFUSE, new_id(), FIRST)
    await role.close()
    return accounts


async def test_balances_and_entries_are_kept(old: FreshDatabase, owner: "asyncpg.Connection[asyncpg.Record]") -> None:
    await _populate(old.url)
    kept = (_ENTRIES, _ACCOUNTS, _TRANSFERS)
    before = [[tuple(row) for row in await owner.fetch(query)] for query in kept]
    refused = await owner.fetch("SELECT id, code FROM refused_transfer")
    assert all(before)
    await asyncio.to_thread(migrate, "wallet", old.owner_url)
    assert [[tuple(row) for row in await owner.fetch(query)] for query in kept] == before
    assert await owner.fetch("SELECT id, code FROM refusal") == refused
    assert await broken_rules(owner) == []


async def test_time_never_goes_back_any_more(old: FreshDatabase, owner: "asyncpg.Connection[asyncpg.Record]") -> None:
    await _populate(old.url)
    order = "SELECT posted_at FROM transfer ORDER BY sequence"
    before = [row["posted_at"] for row in await owner.fetch(order)]
    assert before != sorted(before)
    await asyncio.to_thread(migrate, "wallet", old.owner_url)
    after = [row["posted_at"] for row in await owner.fetch(order)]
    assert after == [max(before[: n + 1]) for n in range(len(before))]
    assert await owner.fetchval("SELECT moved_at FROM ledger") == max(before)
    assert await owner.fetchval("SELECT count(*) FROM transfer WHERE effective_at <> posted_at") == 0


async def test_the_service_goes_on_with_the_ledger_of_the_first_release(
    old: FreshDatabase, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    accounts = await _populate(old.url)
    await asyncio.to_thread(migrate, "wallet", old.owner_url)
    database = Database(old.url, 2)
    await database.open()
    bank = Bank(database)
    _, a, b, _ = accounts["EUR"]
    before = await bank.balance(a)
    posted = await owner.fetchval("SELECT id FROM transfer WHERE debit_account = $1 ORDER BY sequence LIMIT 1", a)
    hold = placing(a, b, 5, datetime.now(UTC) + timedelta(hours=1))
    late = transfer(a, b, 1, effective_at=FIRST + timedelta(seconds=59))
    early = transfer(a, b, 1, effective_at=FIRST - timedelta(seconds=1))
    replies = await bank.post(transfer(a, b, 1), reversing(posted, 10), hold, late, early)
    assert [code(reply) for reply in replies] == [*["completed"] * 4, "refused insufficient_funds_then"]
    assert await bank.balance(a) == before + 8
    assert await broken_rules(owner) == []
    await database.close()


async def test_an_empty_ledger_is_migrated(old: FreshDatabase, owner: "asyncpg.Connection[asyncpg.Record]") -> None:
    await asyncio.to_thread(migrate, "wallet", old.owner_url)
    assert await owner.fetchval("SELECT sequence FROM ledger") == 0
    assert await broken_rules(owner) == []
