"""Postgres access: the pool, read sessions, and which errors mean "ask again" rather than "this message is bad"."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from outbox.tracing import statement

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

ACQUIRE_SECONDS = 5.0
STATEMENT_SECONDS = 15.0
SERVER_SETTINGS = {
    "statement_timeout": "10s",
    "lock_timeout": "8s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
    "jit": "off",
    # All statements are static and go by key. So they are planned once, and never as a scan: a plan that is made while
    # the tables are new and small would read them whole, however large they have become, until the next ANALYZE.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
}

_TRANSIENT = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,  # its disk
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    # Not an InterfaceError: what asyncpg says of a connection whose server died while it was not looking.
    asyncpg.InternalClientError,
)


def is_transient(error: BaseException) -> bool:
    """Tell whether the same work may succeed later: the database is away, restarting, full or was contended."""
    if isinstance(error, _TRANSIENT):
        return True
    closed = isinstance(error, asyncpg.InterfaceError) and not isinstance(error, asyncpg.DataError)
    return closed and "clos" in str(error)


class Reads:
    """A session that reads. A `Transaction` passes as one, never the reverse."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, query: str, *parameters: object) -> list[asyncpg.Record]:
        """Return all rows."""
        with statement(query):
            return await self._connection.fetch(query, *parameters)

    async def fetchrow(self, query: str, *parameters: object, seconds: float | None = None) -> asyncpg.Record | None:
        """Return the first row, or None; wait `seconds` for it where a statement may take longer than others."""
        with statement(query):
            return await self._connection.fetchrow(query, *parameters, timeout=seconds)

    async def fetchval(self, query: str, *parameters: object) -> Any:
        """Return the first column of the first row, or None."""
        with statement(query):
            return await self._connection.fetchval(query, *parameters)


async def _keep_session(_connection: Connection) -> None:
    """Skip asyncpg's reset round trip: no code here changes session state."""


class Database:
    """A bounded pool of connections under the service's runtime role."""

    def __init__(self, url: str, pool_size: int) -> None:
        self._url = url
        self._pool_size = pool_size
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The open pool. Raises RuntimeError before `open`."""
        if self._pool is None:
            raise RuntimeError("the database is not open")
        return self._pool

    async def open(self) -> None:
        """Connect. Raises OSError or asyncpg.PostgresError when the database cannot be reached."""
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=1,
            max_size=self._pool_size,
            timeout=ACQUIRE_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings=SERVER_SETTINGS,
            reset=_keep_session,
        )

    async def connect(self, **server_settings: str) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a connection of one's own, outside the pool; the caller closes it."""
        return await asyncpg.connect(
            self._url,
            timeout=ACQUIRE_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings=SERVER_SETTINGS | server_settings,
        )

    async def close(self) -> None:
        """Close the pool, waiting a bounded time for work under way."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Connection]:
        """Lend a connection. Raises TimeoutError when all are in use for too long."""
        async with asyncio.timeout(ACQUIRE_SECONDS):
            connection = await self.pool.acquire()
        try:
            yield connection
        finally:
            await self.pool.release(connection)

    @asynccontextmanager
    async def reads(self) -> AsyncIterator[Reads]:
        """Lend a session that reads."""
        async with self.lent() as connection:
            yield Reads(connection)


def columns(rows: Sequence[Sequence[object]], width: int) -> list[list[object]]:
    """Turn rows into columns for `unnest`: n rows of `width` values -> `width` arrays of n."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
