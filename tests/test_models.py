"""Every room's models tell the truth about its migrated database: columns, keys, indexes and checks."""

import re
from importlib import import_module
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, MetaData, inspect, make_url, pool
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.topology import SERVICES
from tests.fresh_databases import FreshDatabaseFactory

DELIVERY = re.compile(r"^(outbox|inbox)(_\d+)?$|^(relay_cursor|idempotency_key|alembic_version)$")


def _is_own(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
    return not (kind == "table" and DELIVERY.match(name or ""))


def _differences(connection: Connection, metadata: MetaData) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"include_object": _is_own, "compare_server_default": True})
    return [*compare_metadata(context, metadata), *(_declared_checks(metadata) ^ _checks(connection, metadata))]


def _declared_checks(metadata: MetaData) -> set[str]:
    constraints = (c for table in metadata.tables.values() for c in table.constraints)
    return {str(c.name) for c in constraints if isinstance(c, CheckConstraint)}


def _checks(connection: Connection, metadata: MetaData) -> set[str]:
    """Alembic does not compare check constraints."""
    found = (check for table in metadata.tables for check in inspect(connection).get_check_constraints(table))
    return {str(check["name"]) for check in found}


@pytest.mark.parametrize("service", SERVICES)
async def test_models_are_what_the_migrations_make(service: str, fresh_database: FreshDatabaseFactory) -> None:
    metadata: MetaData = import_module(f"apps.{service}.models").metadata
    assert metadata.tables
    url = make_url((await fresh_database(service)).owner_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences, metadata) == []
    await engine.dispose()
