"""Looks at whole tables of identity's database."""

import asyncpg

from outbox.database import Database


async def rows_of(database: Database, table: str) -> list[asyncpg.Record]:
    """Return all rows of a table; a name that is not a table's is refused."""
    quoted = await database.pool.fetchval("SELECT $1::regclass::text", table)
    return list(await database.pool.fetch(f"SELECT * FROM {quoted}"))  # noqa: S608 - Postgres has quoted the name
