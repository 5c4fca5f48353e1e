"""Read the proof that an entry is in the ledger, and the keys that it is signed with."""

import asyncio

from apps.wallet.domain.sealing import receipt_of
from apps.wallet.store import seals as store
from contracts.message import Envelope
from contracts.proof import Receipt
from contracts.wallet import GetReceipt, GetSealKeys, SealKeys
from outbox.database import Database
from outbox.responder import Refused


async def get_receipt(database: Database, query: Envelope[GetReceipt]) -> Receipt:
    """Return an account's receipt. Refused with `transfer_not_found` or `not_sealed_yet`."""
    asked = query.data
    async with database.reads() as reads:
        entry = await store.load_entry(reads, asked.transfer_id, asked.account_id)
        sealed = await store.load_seal_of(reads, entry.sequence) if entry else None
    if entry is None:
        raise Refused("transfer_not_found", "There is no transfer with this id from or to this account.", "transfer_id")
    if sealed is None:
        raise Refused("not_sealed_yet", "The transfer is posted and will be sealed in a moment; ask again.")
    return await asyncio.to_thread(receipt_of, entry, *sealed)


async def get_seal_keys(database: Database, _query: Envelope[GetSealKeys]) -> SealKeys:
    """Return the public keys, oldest first."""
    async with database.reads() as reads:
        return SealKeys(keys=await store.load_keys(reads))
