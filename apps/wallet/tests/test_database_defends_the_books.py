"""What raw SQL under the service's own role tries, and the database refuses."""

from typing import Any

import asyncpg
import pytest

from apps.wallet.audit import audit
from apps.wallet.tests.bank import Bank
from contracts.ids import new_id
from outbox.database import Database

FORBIDDEN = (
    "UPDATE transfer SET amount = 1",
    "DELETE FROM transfer",
    "UPDATE entry SET amount = 1",
    "DELETE FROM entry",
    "TRUNCATE entry",
    "UPDATE refused_transfer SET code = 'x'",
    "DELETE FROM refused_transfer",
    "UPDATE account SET floor = NULL",
    "UPDATE account SET owner = gen_random_uuid()",
    "DELETE FROM account",
    "INSERT INTO account (id, balance) VALUES (gen_random_uuid(), 5)",
    "DELETE FROM ledger",
    "INSERT INTO ledger VALUES (2, 0)",
    "ALTER TABLE entry DISABLE TRIGGER USER",
    "DROP TRIGGER verify_entries ON entry",
    "SET session_replication_role = replica",
    "CREATE TEMPORARY TABLE entry (account_id uuid)",
    "CREATE TABLE public.extra (id integer)",
)
_ACCOUNT = "INSERT INTO account (id, owner, kind, currency, floor, created_at) VALUES "
_TRANSFER = "INSERT INTO transfer SELECT "
VIOLATIONS = (
    "UPDATE account SET balance = balance + 1",
    "UPDATE account SET balance = balance + 1 WHERE kind = 'wallet'",
    "UPDATE account SET balance = -1 WHERE kind = 'wallet'",
    "UPDATE account SET last_sequence = 99",
    "UPDATE account SET balance = 0, last_sequence = NULL",
    "UPDATE ledger SET sequence = sequence + 1",
    "UPDATE ledger SET sequence = 0",
    "INSERT INTO entry SELECT account_id, 2, transfer_id, amount, balance_after + amount, posted_at FROM entry",
    _ACCOUNT + "(gen_random_uuid(), gen_random_uuid(), 'wallet', 'EUR', -100, now())",
    _ACCOUNT + "(gen_random_uuid(), NULL, 'clearing', 'EUR', NULL, now())",
    _TRANSFER + "gen_random_uuid(), debit_account, credit_account, 5, 'EUR', NULL, '', 2, now() FROM transfer",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_role_lacks_the_right(bank: Bank, statement: str) -> None:
    await bank.wallet(balance=100)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await bank.database.pool.execute(statement)


@pytest.mark.parametrize("statement", VIOLATIONS)
async def test_a_constraint_or_trigger_refuses(bank: Bank, statement: str) -> None:
    await bank.wallet(balance=100)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await bank.database.pool.execute(statement)


_WRITE = """
WITH posted AS (
    INSERT INTO transfer VALUES ($1, $2, $3, $4, $5, NULL, '', $6, now())
), entered AS (
    INSERT INTO entry VALUES ($2, $6, $1, $7, $8, now()), ($3, $6, $1, $9, $10, now())
), moved AS (
    UPDATE account SET last_sequence = $6, balance = CASE id WHEN $2 THEN $8::bigint ELSE $10::bigint END
    WHERE id IN ($2, $3) AND $11
)
UPDATE ledger SET sequence = $12 WHERE id = 1
"""


async def _write(database: Database, debit: Any, credit: Any, **changes: Any) -> None:
    """Post 40 from an account that holds 100 to one that is empty, by raw SQL, with some of it changed."""
    values = {
        "id": new_id(), "debit": debit, "credit": credit, "amount": 40, "currency": "EUR", "sequence": 2,
        "debited": -40, "debit_after": 60, "credited": 40, "credit_after": 40, "move": True, "head": 2,
    }  # fmt: skip
    await database.pool.execute(_WRITE, *(values | changes).values())


UNBALANCED: dict[str, dict[str, Any]] = {
    "one-sided": {"credited": 41, "credit_after": 41},
    "both sides wrong": {"debited": -41, "credited": 41, "debit_after": 59, "credit_after": 41},
    "wrong balance": {"debit_after": 61},
    "both credit": {"debited": 40, "debit_after": 140},
    "overdraft": {"amount": 101, "debited": -101, "debit_after": -1, "credited": 101, "credit_after": 101},
    "balances left behind": {"move": False},
    "gap": {"sequence": 3, "head": 3},
    "head too far": {"head": 3},
    "head left behind": {"head": 1},
    "other currency": {"currency": "USD"},
    "nothing": {"amount": 0, "debited": 0, "debit_after": 100, "credited": 0, "credit_after": 0},
    "negative": {"amount": -40, "debited": 40, "debit_after": 140, "credited": -40, "credit_after": -40},
    "too much": {"amount": 10**12 + 1},
}


@pytest.mark.parametrize("name", UNBALANCED)
async def test_an_unbalanced_posting_is_refused(bank: Bank, name: str) -> None:
    source, target = await bank.wallet(balance=100), await bank.wallet()
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await _write(bank.database, source, target, **UNBALANCED[name])
    async with bank.database.pool.acquire() as connection:
        assert (await audit(connection)).balanced


async def test_a_balanced_posting_is_taken(bank: Bank) -> None:
    """The control: the statement of the tests above is right but for the change that each makes."""
    source, target = await bank.wallet(balance=100), await bank.wallet()
    await _write(bank.database, source, target)
    assert await bank.balances([source, target]) == [60, 40]
