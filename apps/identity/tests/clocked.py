"""Transactions whose time is what the test says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from outbox.database import Database
from outbox.transaction import Spoken, Transaction, Transactions


class ClockedTransactions(Transactions):
    """All transactions begin at `now`, until the test lets time pass."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, "identity", _heard)
        self.now = datetime.now(UTC)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        async with super().begin() as tx:
            tx.now = self.now
            yield tx


async def _heard(_spoken: Spoken) -> None:
    """No relay runs in these tests."""
