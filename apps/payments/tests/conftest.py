from collections.abc import AsyncIterator

import pytest

from apps.payments.tests.room import Room
from outbox.database import Database
from tests.fresh_databases import FreshDatabase, FreshDatabaseFactory


@pytest.fixture
async def payments_database(fresh_database: FreshDatabaseFactory) -> FreshDatabase:
    return await fresh_database("payments")


@pytest.fixture
async def room(payments_database: FreshDatabase) -> AsyncIterator[Room]:
    database = Database(payments_database.url, 4)
    await database.open()
    yield Room(database)
    await database.close()
