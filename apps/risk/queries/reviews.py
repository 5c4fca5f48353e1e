"""Answers what is asked about payments under review."""

from apps.risk.store import reviews as store
from contracts.message import Envelope
from contracts.risk import ListReviews, ReviewPage
from outbox.database import Database


async def list_reviews(database: Database, query: Envelope[ListReviews]) -> ReviewPage:
    """Return a page of the open reviews; one more is read to tell whether there is another page."""
    asked = query.data
    async with database.reads() as reads:
        found = await store.load_open(reads, asked.before, asked.limit + 1)
    shown = found[: asked.limit]
    return ReviewPage(reviews=shown, next_before=shown[-1].assessment_id if len(found) > asked.limit else None)
