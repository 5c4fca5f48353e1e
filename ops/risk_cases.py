"""The cases of risk on its database, and how good its decisions were."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from apps.risk.domain.case_view import shown
from apps.risk.domain.quality import measure
from apps.risk.store import cases as store
from apps.risk.store import quality
from contracts.risk import MOST_CASE_EVENTS, Case, CaseEvent, ListCases, Quality
from outbox.database import Database

CONNECTIONS = 1


async def list_cases(url: str, asked: ListCases) -> list[Case]:
    """Return cases, the one due first first. Raises OSError, asyncpg.PostgresError."""
    now = datetime.now(UTC)
    async with _database(url) as database, database.reads() as reads:
        return [shown(case, now) for case in await store.load_page(reads, asked, now, asked.limit)]


async def show_case(url: str, case_id: UUID) -> tuple[Case, list[CaseEvent]] | None:
    """Return a case and what happened with it, None where there is none. Raises OSError, asyncpg.PostgresError."""
    async with _database(url) as database, database.reads() as reads:
        case = await store.load_one(reads, case_id)
        events = await store.load_events(reads, case_id, 0, MOST_CASE_EVENTS)
    return (shown(case, datetime.now(UTC)), events) if case else None


async def measure_quality(url: str, since: datetime, until: datetime) -> Quality:
    """Return how good the decisions of a time were. Raises OSError, asyncpg.PostgresError."""
    async with _database(url) as database, database.reads() as reads:
        counted = await quality.count(reads, since, until)
    return measure(counted.decided, counted.fired, since, until, is_whole=counted.is_whole)


@asynccontextmanager
async def _database(url: str) -> AsyncIterator[Database]:
    database = Database(url, CONNECTIONS)
    await database.open()
    try:
        yield database
    finally:
        await database.close()
