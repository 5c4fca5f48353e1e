"""Answers what is asked about lists."""

from datetime import UTC, datetime

from apps.risk.store import lists as store
from contracts.message import Envelope
from contracts.risk import ListEntryPage, ListListEntries
from outbox.database import Database


async def list_entries(database: Database, query: Envelope[ListListEntries]) -> ListEntryPage:
    """Return a page of entries; one more is read to tell whether there is another page."""
    asked = query.data
    async with database.reads() as reads:
        found = await store.load_page(reads, asked, datetime.now(UTC), asked.limit + 1)
    shown = found[: asked.limit]
    return ListEntryPage(entries=shown, next_before=shown[-1].id if len(found) > asked.limit else None)
