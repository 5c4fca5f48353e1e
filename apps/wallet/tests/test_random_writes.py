"""100,000 random SQL writes under the service's own role: whatever they are, the books still balance."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from itertools import groupby
from random import Random

import asyncpg
import pytest

from apps.wallet.audit import audit
from apps.wallet.tests import raw_writes as raw
from apps.wallet.tests.balanced_books import RULES, broken_rules, closed_books
from apps.wallet.tests.random_writes import Grammar, Ledger, Tables
from contracts.ids import new_id
from outbox.database import Database
from tests.fresh_databases import FreshDatabase

WRITES = 100_000
SEED = 20261122
# Each attempt is a transaction within the transaction. It runs as whoever calls it, so under the runtime role.
_ATTEMPTED = """
CREATE FUNCTION attempted(statements text[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    attempt text; outcomes text[] := '{}'; written bigint;
BEGIN
    FOREACH attempt IN ARRAY statements LOOP
        BEGIN
            EXECUTE attempt;
            GET DIAGNOSTICS written = ROW_COUNT;
            outcomes := outcomes || CASE WHEN written > 0 THEN 'accepted' ELSE 'without effect' END;
        EXCEPTION WHEN OTHERS THEN
            outcomes := outcomes || SQLSTATE::text;
        END;
    END LOOP;
    RETURN outcomes;
END
$$
"""
_COLUMNS = """
SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, NULL) AS type
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
ORDER BY c.relname, a.attnum
"""
_KEYS = """
SELECT i.indrelid::regclass::text AS "table", a.attname AS "column"
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indisprimary
"""
_GROWN = """
SELECT (SELECT count(*) FROM transfer) AS transfers, (SELECT count(*) FROM hold_step) AS steps,
       (SELECT count(*) FROM transfer WHERE effective_at < posted_at) AS backdated,
       (SELECT count(*) FROM transfer WHERE reverses IS NOT NULL) AS reversals,
       (SELECT count(*) FROM journal) AS journals, (SELECT count(*) FROM period) AS periods
"""


@pytest.fixture
async def owner(fresh: FreshDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(fresh.owner_url, server_settings={"jit": "off"})
    yield connection
    await connection.close()


async def _tables(owner: "asyncpg.Connection[asyncpg.Record]") -> Tables:
    rows = await owner.fetch(_COLUMNS)
    columns = {name: {r["column"]: r["type"] for r in those} for name, those in groupby(rows, lambda row: row["table"])}
    keys: dict[str, list[str]] = {name: [] for name in columns}
    for row in await owner.fetch(_KEYS):
        keys.setdefault(row["table"], []).append(row["column"])
    return Tables(columns, {name: key or list(columns[name])[:1] for name, key in keys.items() if name in columns})


async def _populated(database: Database) -> Ledger:
    """Fill a ledger with all that can be in one: limits, holds, journals, reversals, old dates and a closed period."""
    ids = [new_id() for _ in range(11)]
    ledger = Ledger(euros=ids[:6], dollars=ids[6:9], fx=(ids[9], ids[10]))
    *wallets, limited, source = ledger.euros
    *dollar_wallets, dollar_source = ledger.dollars
    writes = [
        *(raw.opening(account, account, "wallet", "EUR", 0) for account in wallets),
        *(raw.opening(account, account, "wallet", "USD", 0) for account in dollar_wallets),
        raw.opening(limited, None, "general", "EUR", -100, 500),
        raw.opening(source, None, "general", "EUR", None),
        raw.opening(ledger.fx[0], None, "fx", "EUR", None),
        raw.opening(dollar_source, None, "general", "USD", None),
        raw.opening(ledger.fx[1], None, "fx", "USD", None),
        *(raw.transfer(source, account, 1000) for account in wallets),
        *(raw.transfer(dollar_source, account, 1000) for account in dollar_wallets),
        raw.backdated(source, wallets[0], 10, "1 day"),
        raw.closing("1 hour"),
        raw.linked([(wallets[0], wallets[1], 5), (wallets[1], limited, 3)]),
        raw.exchange((wallets[0], ledger.fx[0], 10), (ledger.fx[1], dollar_wallets[0], 11)),
        raw.reversal("(SELECT id FROM transfer WHERE sequence = 1)", "100"),
        *(raw.placing(account, wallets[2], 50, "1 hour") for account in wallets[:2]),
        raw.capture("(SELECT id FROM hold LIMIT 1)", "20"),
        raw.change(wallets[3], frozen="'in'"),
    ]
    for write in writes:
        await database.pool.execute(write.sql())
    return ledger


async def _attempt(database: Database, grammar: Grammar, writes: int) -> Counter[str]:
    """Let statements loose, in transactions of up to a hundred; most are committed."""
    outcomes: Counter[str] = Counter()
    random = Random(SEED)  # noqa: S311 - it must be possible to run it again
    async with database.lent() as connection:
        while outcomes.total() < writes:
            statements = [grammar.statement() for _ in range(min(random.randint(1, 100), writes - outcomes.total()))]
            transaction = connection.transaction()
            await transaction.start()
            outcomes.update(await connection.fetchval("SELECT attempted($1)", statements))
            await (transaction.commit() if random.random() < 0.9 else transaction.rollback())
    return outcomes


async def test_the_books_balance_after_random_writes(
    database: Database, owner: "asyncpg.Connection[asyncpg.Record]", record_property: Callable[[str, object], None]
) -> None:
    ledger = await _populated(database)
    await owner.execute(_ATTEMPTED)
    closed_until = await owner.fetchval("SELECT closed_until FROM ledger")
    closed, before = await closed_books(owner, closed_until), await owner.fetchrow(_GROWN)
    outcomes = await _attempt(database, Grammar(SEED, await _tables(owner), ledger), WRITES)
    assert await broken_rules(owner) == []
    # The audit proves one thing more: at what rate currencies changed. The database does not know their minor units.
    assert [f for f in (await audit(owner)).findings if "at its rate" not in f] == []
    assert await closed_books(owner, closed_until) == closed
    grown = await owner.fetchrow(_GROWN)
    assert before is not None
    assert grown is not None
    # The control: correct writes were among them, of every sort, and were taken.
    assert all(grown[what] > before[what] for what in grown.keys()), (before, grown)  # noqa: SIM118 - a record
    assert outcomes["accepted"] > WRITES // 50, outcomes
    record_property("outcomes", dict(outcomes))


# What only the owner can do, without triggers and constraints. Each breaks the rule that it names, so the proof above
# is no empty one.
CORRUPTIONS = {
    "every currency sums to zero": "UPDATE account SET balance = balance + 1 WHERE floor IS NULL",
    "a balance is the sum of the account's entries": "UPDATE account SET balance = balance + 1 WHERE floor IS NULL",
    "an account is where its newest entry left it": "UPDATE account SET last_sequence = 1",
    "entries continue each other": "UPDATE transfer SET debit_balance = debit_balance + 1 WHERE sequence = 1",
    "entries stay within limits that never changed": """
        ALTER TABLE account DROP CONSTRAINT account_ceiling; UPDATE account SET ceiling = 500 WHERE kind = 'wallet'""",
    "available never falls below the floor, nor balance above the ceiling": """
        ALTER TABLE account DROP CONSTRAINT account_floor; UPDATE account SET floor = 5000 WHERE kind = 'wallet'""",
    "the effective timeline stays within limits that never changed": """
        UPDATE transfer SET effective_at = effective_at - interval '2 days' WHERE sequence > 7""",
    "transfers are between two accounts of their currency": "UPDATE transfer SET currency = 'JPY' WHERE sequence = 2",
    "the ledger is dense, and its time never goes back": "DELETE FROM transfer WHERE sequence = 3",
    "nothing counts from later than it was posted": """
        ALTER TABLE transfer DROP CONSTRAINT transfer_effective;
        UPDATE transfer SET effective_at = posted_at + interval '1 second'""",
    "the head is the newest transfer and period": "UPDATE ledger SET sequence = sequence + 1",
    "held is the sum of the pending holds": "UPDATE account SET held = 1 WHERE held = 0 AND floor IS NULL",
    "only pending holds reserve, and none more than it was placed for": """
        ALTER TABLE hold DROP CONSTRAINT hold_status; UPDATE hold SET status = 'voided'""",
    "what a hold has captured are its transfers": "UPDATE hold SET captured = captured + 1, remaining = remaining - 1",
    "captures are of holds": "UPDATE transfer SET hold_id = id WHERE sequence = 1",
    "a hold is where its steps left it": "DELETE FROM hold_step WHERE step = 2",
    "steps are of holds, on the account that they reserve": "UPDATE hold_step SET hold_id = account_id WHERE step = 1",
    "an account's hold steps add up to what it holds": "UPDATE hold_step SET held_after = held_after + 1",
    "an account has as many hold steps as it says": "UPDATE account SET hold_steps = 9 WHERE hold_steps > 0",
    "reversals never exceed the original, and go the other way": """
        UPDATE transfer SET reversed_total = reversed_total + 1 WHERE reverses IS NOT NULL""",
    "reversals are of transfers": "UPDATE transfer SET reverses = debit_account WHERE reverses IS NOT NULL",
    "a journal is its transfers": "UPDATE journal SET transfers = transfers + 1",
    "journalled transfers are of journals": "DELETE FROM journal",
    "rates are between transfers of their journal": "UPDATE exchange SET buy_transfer = sell_transfer",
    "every change of an account is on record, and nothing else": "DELETE FROM account_change",
    "an account is as its newest change says": "UPDATE account_change SET frozen = 'both'",
    "closed accounts hold nothing": """
        ALTER TABLE account DROP CONSTRAINT account_closed; UPDATE account SET closed_at = now()""",
    "periods follow each other": "UPDATE period SET starts_at = ends_at - interval '1 day'",
    "each backdated entry is in the totals of its thirteen levels": "DELETE FROM backdated_total WHERE level = 5",
    "totals add up to the backdated entries": "UPDATE backdated_total SET total = total + 1 WHERE level = 5",
}


async def test_the_proof_finds_what_only_the_owner_can_break(
    database: Database, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    assert list(CORRUPTIONS) == list(RULES)
    await _populated(database)
    assert await broken_rules(owner) == []
    for table in ("account", "ledger", "transfer", "hold", "hold_step", "period", "backdated_total"):
        await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for rule, corruption in CORRUPTIONS.items():
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute(corruption)
        broken = await owner.fetch(RULES[rule])
        await transaction.rollback()
        assert broken, rule
