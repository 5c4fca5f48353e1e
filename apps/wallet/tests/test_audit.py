"""The audit finds, and locates, what only the owner of the tables can still change: any column of any row."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import product

import asyncpg
import pytest

from apps.wallet.audit import CurrencyTotal, audit
from apps.wallet.domain.sealing import Range, Standing
from apps.wallet.tests.bank import Bank, funding, payment
from apps.wallet.tests.full_ledger import Scene, fill, new_signer, seal
from contracts.ids import new_id
from tests.fresh_databases import FreshDatabase


async def test_balanced_books(bank: Bank) -> None:
    ann = new_id()
    source, target = await bank.wallet(ann, balance=100), await bank.wallet()
    await bank.post(payment(ann, source, target, 30), funding(await bank.wallet(currency="USD"), 5, "USD"))
    async with bank.database.pool.acquire() as connection:
        found = await audit(connection)
    assert found.balanced
    assert (found.transfers, found.entries) == (3, 6)
    assert found.currencies == (CurrencyTotal("EUR", 3, 0), CurrencyTotal("USD", 2, 0))


async def test_an_empty_ledger_is_balanced(bank: Bank) -> None:
    async with bank.database.pool.acquire() as connection:
        found = await audit(connection)
    assert (found.balanced, found.transfers, found.currencies) == (True, 0, ())


async def test_a_ledger_of_everything_is_balanced(bank: Bank) -> None:
    await fill(bank)
    await seal(bank, new_signer())
    async with bank.database.pool.acquire() as connection:
        found = await audit(connection)
    assert found.findings == ()


@dataclass(frozen=True)
class Vault:
    """A sealed ledger of everything, open to its owner, with every trigger and constraint off."""

    owner: "asyncpg.Connection[asyncpg.Record]"
    scene: Scene

    @asynccontextmanager
    async def tampering(self) -> AsyncIterator[None]:
        """Undo what is done in the block."""
        transaction = self.owner.transaction()
        await transaction.start()
        try:
            yield
        finally:
            await transaction.rollback()

    async def findings(self) -> tuple[str, ...]:
        return (await audit(self.owner)).findings


@pytest.fixture
async def vault(bank: Bank, fresh: FreshDatabase) -> AsyncIterator[Vault]:
    scene = await fill(bank)
    await seal(bank, new_signer())
    owner = await asyncpg.connect(fresh.owner_url)
    await owner.execute(_UNGUARD)
    yield Vault(owner, scene)
    await owner.close()


# As the owner may: no trigger, no check, no foreign key is left.
_UNGUARD = """
DO $$
DECLARE
    name text; rule record;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE public.%I DISABLE TRIGGER USER', name);
    END LOOP;
    FOR rule IN SELECT c.conname, r.relname FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
                JOIN pg_namespace n ON n.oid = r.relnamespace
                WHERE n.nspname = 'public' AND c.contype IN ('c', 'f') AND NOT r.relispartition LOOP
        EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', rule.relname, rule.conname);
    END LOOP;
END
$$
"""

# By type, a value that is another one.
_OTHER = {
    "uuid": "'01990f3e-ffff-7fff-bfff-ffffffffffff'",
    "int8": "{0} + 1",
    "int4": "{0} + 1",
    "int2": "{0} + 1",
    "numeric": "{0} + 1",
    "text": "{0} || 'x'",
    "jsonb": "jsonb_build_object('changed', 'yes')",
    "bytea": "set_byte({0}, 0, get_byte({0}, 0) # 1)",
    "timestamptz": "{0} + interval '1 second'",
}
_GIVEN = _OTHER | {
    "int8": "1",
    "int4": "1",
    "int2": "1",
    "numeric": "1",
    "text": "'x'",
    "bytea": "'\\x01'",
    "timestamptz": "now()",
}
# By table, the column that a finding must name to have located the row.
_KEYS = {
    "ledger": "'ledger'",
    "account": "id",
    "account_opening": "account_id",
    "account_change": "account_id",
    "transfer": "id",
    "refusal": "id",
    "journal": "id",
    "exchange": "sell_transfer",
    "hold": "id",
    "hold_step": "hold_id",
    "period": "id",
    "backdated_total": "account_id",
    "seal": "number",
    "seal_key": "key_id",
}
_COLUMNS = """
SELECT table_name::text AS table, column_name::text AS name, udt_name::text AS type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = ANY($1) ORDER BY table_name, ordinal_position
"""
_ROWS = "SELECT ctid::text AS place, {key}::text AS key FROM {table} ORDER BY ctid"
_CHANGE = """
UPDATE {table} SET {name} = (CASE WHEN {name} IS NULL THEN {given} ELSE {other} END)::{type} WHERE ctid = $1::text::tid
"""


@pytest.mark.parametrize("table", _KEYS)
async def test_whatever_column_of_whatever_row_is_changed_is_found_and_located(vault: Vault, table: str) -> None:
    rows = await vault.owner.fetch(_ROWS.format(table=table, key=_KEYS[table]))
    columns = [c for c in await vault.owner.fetch(_COLUMNS, [table]) if (table, c["name"]) != ("ledger", "id")]
    assert rows
    assert columns
    unnoticed = []
    for column, row in product(columns, rows):
        name, kind = column["name"], column["type"]
        change = _CHANGE.format(table=table, name=name, type=kind, given=_GIVEN[kind], other=_OTHER[kind].format(name))
        async with vault.tampering():
            with suppress(asyncpg.UniqueViolationError):  # the key of another row; there is one that can be changed
                assert await vault.owner.execute(change, row["place"]) == "UPDATE 1"
                findings = await vault.findings()
                if not findings or (name != _KEYS[table] and not any(row["key"] in finding for finding in findings)):
                    unnoticed.append((name, row["key"], findings))
    assert unnoticed == []


_ENDLESS = "UPDATE {table} SET {name} = $1::text::{type}"


@pytest.mark.parametrize("value", ["infinity", "-infinity", "NaN"])
async def test_no_value_ends_the_audit(vault: Vault, value: str) -> None:
    kinds = {"numeric"} if value == "NaN" else {"timestamptz", "numeric"}
    columns = [(table, c) for table in _KEYS for c in await vault.owner.fetch(_COLUMNS, [table]) if c["type"] in kinds]
    for table, column in columns:
        statement = _ENDLESS.format(table=table, name=column["name"], type=column["type"])
        async with vault.tampering():
            try:
                await vault.owner.execute(statement, value)
            except (asyncpg.UniqueViolationError, asyncpg.NumericValueOutOfRangeError):
                continue  # not even its owner can write that
            assert await vault.findings(), (table, column["name"])


async def test_whatever_row_is_deleted_is_found(vault: Vault) -> None:
    unnoticed = []
    for table, key in _KEYS.items():
        for row in await vault.owner.fetch(_ROWS.format(table=table, key=key)):
            async with vault.tampering():
                delete = f"DELETE FROM {table} WHERE ctid = $1::text::tid"  # noqa: S608 - a name from above
                assert await vault.owner.execute(delete, row["place"]) == "DELETE 1"
                if not await vault.findings():
                    unnoticed.append((table, row["key"]))
    assert unnoticed == []


# What adds up again: whoever does this has thought of every sum, and still cannot sign.
_THOROUGH = {
    "an amount, with all balances after it": """
        WITH changed AS (SELECT * FROM transfer WHERE id = $1)
        , one AS (UPDATE transfer t SET amount = t.amount + CASE WHEN t.id = c.id THEN 1 ELSE 0 END,
            debit_balance = t.debit_balance + CASE t.debit_account WHEN c.debit_account THEN -1
                                                                   WHEN c.credit_account THEN 1 ELSE 0 END,
            credit_balance = t.credit_balance + CASE t.credit_account WHEN c.debit_account THEN -1
                                                                      WHEN c.credit_account THEN 1 ELSE 0 END
            FROM changed c WHERE t.sequence >= c.sequence)
        UPDATE account a SET balance = a.balance + CASE a.id WHEN c.debit_account THEN -1 ELSE 1 END
        FROM changed c WHERE a.id IN (c.debit_account, c.credit_account)
        """,
    "a metadata": 'UPDATE transfer SET metadata = \'{"order": "another"}\' WHERE id = $1',
    "a reference": "UPDATE transfer SET reference = gen_random_uuid() WHERE id = $1",
}


@pytest.mark.parametrize("what", _THOROUGH)
async def test_what_adds_up_again_is_not_what_was_sealed(vault: Vault, what: str) -> None:
    await vault.owner.execute(_THOROUGH[what], vault.scene.plain)
    findings = await vault.findings()
    assert any(str(vault.scene.plain) in f and f.endswith("it is not what was sealed") for f in findings)
    assert all("sealed" in f for f in findings), findings


async def test_a_seal_made_anew_is_not_signed(vault: Vault) -> None:
    other = new_signer()
    row = await vault.owner.fetchrow("SELECT * FROM seal WHERE number = 1")
    assert row is not None
    part = Range(row["first_sequence"], row["last_sequence"], row["records_from"], row["records_until"])
    forged = other.seal(Standing(head=1, finished=1), part, row["leaves"], row["sealed_at"])
    await vault.owner.execute(
        "UPDATE seal SET hash = $1, signature = $2 WHERE number = 1",
        bytes.fromhex(forged.hash),
        bytes.fromhex(forged.signature),
    )
    findings = await vault.findings()
    assert "seal 1: its signature is wrong" in findings
    assert "seal 1: its hash is not that of what it says" in findings
