"""The lists of risk on its database: a sanctions list from a file, in use whole or not at all; and what is listed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from apps.risk.sanctions_lists.files import read_list
from apps.risk.store import lists as list_store
from apps.risk.store import sanctions_lists as store
from contracts.risk import (
    ListEntry,
    ListListEntries,
    SanctionsList,
    SanctionsListImported,
    SanctionsSource,
)
from outbox.database import Database
from outbox.transaction import Spoken, Transactions

CONNECTIONS = 1


async def import_list(url: str, path: Path, source: SanctionsSource) -> SanctionsList:
    """Read a file, and let its parties take the place of those of the same list.

    Raises ListError for a file that is not such a list or not whole, OSError, asyncpg.PostgresError.
    """
    file = read_list(path, source)
    read = SanctionsList(
        source=source,
        version=0,
        format=file.format,
        published=file.published,
        sha256=file.sha256,
        parties=len(file.parties),
        names=sum(len(party.names) + len(party.weak_names) for party in file.parties),
        imported_at=datetime.now(UTC),
    )
    async with _database(url) as database, Transactions(database, "risk", _let_the_relay_look).begin() as tx:
        kept = await store.replace_list(tx, read, file.parties)
        tx.say(SanctionsListImported.model_validate(kept.model_dump()), None)
    return kept


async def show_lists(url: str) -> list[SanctionsList]:
    """Return the lists in use. Raises OSError, asyncpg.PostgresError."""
    async with _database(url) as database, database.reads() as reads:
        return await store.load_lists(reads)


async def show_entries(url: str, asked: ListListEntries) -> list[ListEntry]:
    """Return entries of the allow, deny and watch lists. Raises OSError, asyncpg.PostgresError."""
    async with _database(url) as database, database.reads() as reads:
        return await list_store.load_page(reads, asked, datetime.now(UTC), asked.limit)


@asynccontextmanager
async def _database(url: str) -> AsyncIterator[Database]:
    database = Database(url, CONNECTIONS)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def _let_the_relay_look(_spoken: Spoken) -> None:
    """Say nothing here: the service's relay finds what is to be published by itself."""
