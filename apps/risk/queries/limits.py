"""Answers what is asked about limits and their changes."""

from apps.risk.store import limits as store
from contracts.message import Envelope
from contracts.risk import LimitChangePage, ListLimitChanges, ListLimits, TierLimits
from outbox.database import Database


async def list_limits(database: Database, query: Envelope[ListLimits]) -> TierLimits:
    """Return the limits that hold now: three tiers, and at most one limit of each in each currency."""
    async with database.reads() as reads:
        return TierLimits(limits=await store.load_limits(reads, query.data.tier))


async def list_limit_changes(database: Database, query: Envelope[ListLimitChanges]) -> LimitChangePage:
    """Return a page of changes; one more is read to tell whether there is another page."""
    asked = query.data
    async with database.reads() as reads:
        found = await store.load_changes(reads, asked.before, asked.limit + 1)
    shown = found[: asked.limit]
    return LimitChangePage(changes=shown, next_before=shown[-1].number if len(found) > asked.limit else None)
