"""Read transfers and entries in the order in which they were recorded."""

from apps.wallet import store
from apps.wallet.domain.resources import transfer_resource
from apps.wallet.domain.transfer import Refused as RefusedTransfer
from contracts.message import Envelope
from contracts.wallet import Entry, EntryPage, GetTransfer, ListEntries, Transfer
from outbox.database import Database
from outbox.responder import Refused


async def list_entries(database: Database, query: Envelope[ListEntries]) -> EntryPage:
    """Return a page of an account's entries; one more is read to tell whether there is another page."""
    asked = query.data
    async with database.reads() as reads:
        rows = await store.load_entries(reads, asked.account_id, asked.before, asked.limit + 1)
    entries = [Entry.model_validate(dict(row)) for row in rows[: asked.limit]]
    return EntryPage(entries=entries, next_before=entries[-1].sequence if len(rows) > asked.limit else None)


async def get_transfer(database: Database, query: Envelope[GetTransfer]) -> Transfer:
    """Return a posted transfer. Refused with `transfer_not_found`, or the code that the transfer was refused with."""
    async with database.reads() as reads:
        outcome = (await store.load_outcomes(reads, [query.data.id])).get(query.data.id)
    if outcome is None:
        raise Refused("transfer_not_found", "There is no transfer with this id.", "id")
    if isinstance(outcome, RefusedTransfer):
        raise Refused(outcome.refusal.value, outcome.refusal.detail)
    return transfer_resource(outcome)
