"""The audit finds what only the owner of the tables can still break."""

import asyncpg
import pytest

from apps.wallet.audit import CurrencyTotal, audit
from apps.wallet.tests.bank import Bank, funding, payment
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


TAMPERINGS = {
    "balance": ("UPDATE account SET balance = balance + 1 WHERE kind = 'wallet'", "EUR sums to 1, not to zero"),
    "entry amount": ("UPDATE entry SET amount = amount + 1 WHERE sequence = 1 AND amount > 0", "does not continue"),
    "balance after": (
        "UPDATE entry SET balance_after = balance_after + 1 WHERE sequence = 2 AND amount > 0",
        "does not continue",
    ),
    "lost entry": ("DELETE FROM entry WHERE sequence = 2 AND amount < 0", "does not have exactly its two entries"),
    "orphan entry": ("DELETE FROM transfer WHERE sequence = 2", "which does not have it as one of its two"),
    "gap": ("DELETE FROM transfer WHERE sequence = 1", "has a gap before sequence 2"),
    "head": ("UPDATE ledger SET sequence = 3", "the ledger's head, 3, is not its newest transfer"),
    "two outcomes": (
        "INSERT INTO refused_transfer SELECT id, NULL, '', 'x', 'x', now() FROM transfer WHERE sequence = 1",
        "is posted, and refused as well",
    ),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_tampered_books(bank: Bank, fresh: FreshDatabase, tampering: str) -> None:
    wallet = await bank.wallet(balance=100)
    await bank.post(funding(wallet, 50))
    statement, finding = TAMPERINGS[tampering]
    owner = await asyncpg.connect(fresh.owner_url)
    for table in ("account", "ledger"):
        await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    await owner.execute(statement)
    found = await audit(owner)
    await owner.close()
    assert not found.balanced
    assert any(finding in sentence for sentence in found.findings), found.findings
