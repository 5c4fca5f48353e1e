"""Read transfers, entries and journals in the order in which they were recorded."""

from uuid import UUID

from apps.wallet.domain.resources import journal_resource, transfer_resource
from apps.wallet.store import transfers as store
from contracts.message import Envelope
from contracts.wallet import (
    Entry,
    EntryPage,
    GetJournal,
    GetTransfer,
    Journal,
    ListEntries,
    ListTransfers,
    Transfer,
    TransferPage,
)
from outbox.database import Database, Reads
from outbox.responder import Refused


async def list_entries(database: Database, query: Envelope[ListEntries]) -> EntryPage:
    """Return a page of an account's entries; one more is read to tell whether there is another page."""
    asked = query.data
    async with database.reads() as reads:
        rows = await store.load_entries(reads, asked.account_id, asked.before, asked.limit + 1)
    entries = [Entry.model_validate(dict(row)) for row in rows[: asked.limit]]
    return EntryPage(entries=entries, next_before=entries[-1].sequence if len(rows) > asked.limit else None)


async def list_transfers(database: Database, query: Envelope[ListTransfers]) -> TransferPage:
    """Return a page of the transfers from and to an account; one more is read to tell whether there is another page."""
    asked = query.data
    async with database.reads() as reads:
        found = await store.load_transfers_of(reads, asked.account_id, asked.before, asked.limit + 1)
    shown = [transfer_resource(posted) for posted in found[: asked.limit]]
    return TransferPage(transfers=shown, next_before=shown[-1].sequence if len(found) > asked.limit else None)


async def get_transfer(database: Database, query: Envelope[GetTransfer]) -> Transfer:
    """Return a posted transfer. Refused with `transfer_not_found`, or the code that the transfer was refused with."""
    async with database.reads() as reads:
        posted = (await store.load_transfers(reads, [query.data.id])).get(query.data.id)
        if posted is None:
            raise await refusal_of(reads, query.data.id, "transfer_not_found", "There is no transfer with this id.")
    return transfer_resource(posted)


async def get_journal(database: Database, query: Envelope[GetJournal]) -> Journal:
    """Return a posted journal. Refused with `journal_not_found`, or the code that the journal was refused with."""
    async with database.reads() as reads:
        journal = (await store.load_journals(reads, [query.data.id])).get(query.data.id)
        if journal is None:
            raise await refusal_of(reads, query.data.id, "journal_not_found", "There is no journal with this id.")
    return journal_resource(journal)


async def refusal_of(reads: Reads, operation_id: UUID, code: str, detail: str) -> Refused:
    """Return why there is nothing under an id: the refusal of what was asked for under it, or that nothing was."""
    refused = (await store.load_refusals(reads, [operation_id])).get(operation_id)
    if refused is None:
        return Refused(code, detail, "id")
    return Refused(refused.refusal.value, refused.refusal.detail, refused.parameter)
