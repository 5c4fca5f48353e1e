"""Replicas of the service take turns at the ledger's head: racing batches give the books of one writer."""

import asyncio

from apps.wallet.audit import audit
from apps.wallet.tests.bank import Bank, funding, payment
from contracts.ids import new_id


async def test_racing_batches_never_overspend(bank: Bank) -> None:
    ann = new_id()
    source, target = await bank.wallet(ann, balance=100), await bank.wallet()
    batches = [[payment(ann, source, target, 7) for _ in range(5)] for _ in range(4)]
    async with asyncio.timeout(20):
        await asyncio.gather(*(Bank(bank.database).post(*batch) for batch in batches))
    assert await bank.balances([source, target]) == [2, 98]
    async with bank.database.pool.acquire() as connection:
        found = await audit(connection)
    assert (found.findings, found.transfers) == ((), 15)


async def test_racing_first_fundings_open_one_clearing_account(bank: Bank) -> None:
    wallets = [await bank.wallet() for _ in range(4)]
    async with asyncio.timeout(20):
        await asyncio.gather(*(Bank(bank.database).post(funding(wallet, 10)) for wallet in wallets))
    assert await bank.balances(wallets) == [10] * 4
    assert await bank.database.pool.fetchval("SELECT balance FROM account WHERE kind = 'clearing'") == -40
