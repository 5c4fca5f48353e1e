from collections.abc import AsyncIterator

import pytest

from apps.payments.tests.webhooks.hooks import Hooks
from apps.payments.tests.webhooks.shop import Shop, open_shop
from outbox.database import Database
from tests.fresh_databases import FreshDatabaseFactory


@pytest.fixture
async def hooks(fresh_database: FreshDatabaseFactory) -> AsyncIterator[Hooks]:
    database = Database((await fresh_database("payments")).url, 4)
    await database.open()
    yield Hooks(database)
    await database.close()


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as shop:
        yield shop
