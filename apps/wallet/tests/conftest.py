"""What the wallet's tests share: a migrated database, and a bank that hands commands to the handlers."""

from collections.abc import AsyncIterator

import pytest

from apps.wallet.tests.bank import Bank
from outbox.database import Database
from tests.fresh_databases import FreshDatabase, FreshDatabaseFactory


@pytest.fixture
async def fresh(fresh_database: FreshDatabaseFactory) -> FreshDatabase:
    return await fresh_database("wallet")


@pytest.fixture
async def database(fresh: FreshDatabase) -> AsyncIterator[Database]:
    database = Database(fresh.url, 4)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def other_bank(fresh_database: FreshDatabaseFactory) -> AsyncIterator[Bank]:
    database = Database((await fresh_database("wallet")).url, 4)
    await database.open()
    yield Bank(database)
    await database.close()


@pytest.fixture
def bank(database: Database) -> Bank:
    return Bank(database)
