import re

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, pool
from sqlalchemy.ext.asyncio import create_async_engine

from apps.risk.models import metadata
from tests.fresh_databases import FreshDatabaseFactory

DELIVERY = re.compile(r"^(outbox|inbox)(_\d+)?$|^(relay_cursor|idempotency_key|alembic_version)$")


def _differences(connection: Connection) -> list[object]:
    def is_own(_object: object, name: str | None, kind: str, *_: object) -> bool:
        return not (kind == "table" and DELIVERY.match(name or ""))

    context = MigrationContext.configure(connection, opts={"include_object": is_own, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def test_models_are_what_the_migrations_make(fresh_database: FreshDatabaseFactory) -> None:
    url = make_url((await fresh_database("risk")).owner_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()
