"""What risk's tests share: a migrated database, and a desk that hands requests to the handler."""

from collections.abc import AsyncIterator

import pytest

from apps.risk.tests.desk import Desk
from apps.risk.tests.screening_desk import ScreeningDesk
from outbox.database import Database
from tests.fresh_databases import FreshDatabaseFactory


@pytest.fixture
async def database(fresh_database: FreshDatabaseFactory) -> AsyncIterator[Database]:
    database = Database((await fresh_database("risk")).url, 4)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
async def screening(fresh_database: FreshDatabaseFactory) -> AsyncIterator[ScreeningDesk]:
    made = await fresh_database("risk")
    database = Database(made.url, 4)
    await database.open()
    yield ScreeningDesk(database, made.url, made.owner_url)
    await database.close()
