"""Read holds. One whose time is over shows as expired from that instant on, swept or not."""

from datetime import UTC, datetime

from apps.wallet.domain.hold import Hold as LedgerHold
from apps.wallet.domain.hold import as_of
from apps.wallet.domain.resources import hold_resource
from apps.wallet.queries.transfers import refusal_of
from apps.wallet.store import holds as store
from contracts.message import Envelope
from contracts.wallet import GetHold, Hold, HoldPage, ListHolds
from outbox.database import Database


async def get_hold(database: Database, query: Envelope[GetHold]) -> Hold:
    """Return a hold. Refused with `hold_not_found`, or the code that the hold was refused with."""
    async with database.reads() as reads:
        hold = (await store.load_holds(reads, [query.data.id])).get(query.data.id)
        if hold is None:
            raise await refusal_of(reads, query.data.id, "hold_not_found", "There is no hold with this id.")
    return _shown(hold, datetime.now(UTC))


async def list_holds(database: Database, query: Envelope[ListHolds]) -> HoldPage:
    """Return a page of the holds on an account's money; one more is read to tell whether there is another page."""
    asked, now = query.data, datetime.now(UTC)
    async with database.reads() as reads:
        pending_at = now if asked.pending else None
        found = await store.load_holds_of(reads, asked.account_id, asked.before, asked.limit + 1, pending_at)
    shown = [_shown(hold, now) for hold in found[: asked.limit]]
    return HoldPage(holds=shown, next_before=shown[-1].id if len(found) > asked.limit else None)


def _shown(hold: LedgerHold, now: datetime) -> Hold:
    return hold_resource(as_of(hold, now))
