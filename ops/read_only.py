"""Looking into a service's database from outside, on a connection that cannot write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from outbox.database import ACQUIRE_SECONDS, SERVER_SETTINGS, STATEMENT_SECONDS, Connection


@asynccontextmanager
async def read_only(url: str, statement_seconds: float = STATEMENT_SECONDS) -> AsyncIterator[Connection]:
    """Lend a connection whose transactions are all read-only. Raises OSError or asyncpg.PostgresError.

    A statement may take `statement_seconds`; the server ends it a little sooner.
    """
    limits = {"statement_timeout": f"{statement_seconds * 2 / 3:.0f}s", "default_transaction_read_only": "on"}
    connection = await asyncpg.connect(
        url, timeout=ACQUIRE_SECONDS, command_timeout=statement_seconds, server_settings=SERVER_SETTINGS | limits
    )
    try:
        yield connection
    finally:
        await connection.close()
