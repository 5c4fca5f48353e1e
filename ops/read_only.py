"""Looking into a service's database from outside, on a connection that cannot write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from outbox.database import Connection, Database


@asynccontextmanager
async def read_only(url: str) -> AsyncIterator[Connection]:
    """Lend a connection whose transactions are all read-only. Raises OSError or asyncpg.PostgresError."""
    connection = await Database(url, 1).connect(default_transaction_read_only="on")
    try:
        yield connection
    finally:
        await connection.close()
