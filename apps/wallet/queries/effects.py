"""Read what operations have come to, many at a time."""

from datetime import UTC, datetime

from apps.wallet.domain.hold import Hold, as_of
from apps.wallet.domain.transfer import Posted
from apps.wallet.store import holds as hold_store
from apps.wallet.store import transfers as transfer_store
from contracts.message import Envelope
from contracts.wallet import EFFECTS_LIMIT, Effects, GetEffects, HoldEffect, HoldStatus, RefusedEffect, TransferEffect
from outbox.database import Database
from outbox.responder import Refused


async def get_effects(database: Database, query: Envelope[GetEffects]) -> Effects:
    """Return what is known under some ids. Refused with `too_many_effects`."""
    ids, now = list(dict.fromkeys(query.data.ids)), datetime.now(UTC)
    async with database.reads() as reads:
        transfers = await transfer_store.load_transfers(reads, ids)
        if await transfer_store.count_of_journals(reads, ids) > EFFECTS_LIMIT - len(transfers):
            raise Refused("too_many_effects", "They have too many transfers for one answer; ask for fewer ids.", "ids")
        journals = await transfer_store.load_journals(reads, ids)
        holds = await hold_store.load_holds(reads, ids)
        refusals = await transfer_store.load_refusals(reads, ids)
    transfers |= {posted.id: posted for journal in journals.values() for posted in journal.transfers}
    return Effects(
        transfers=[_transfer(posted) for posted in sorted(transfers.values(), key=lambda t: t.sequence)],
        holds=[_hold(as_of(holds[i], now)) for i in ids if i in holds],
        refused=[RefusedEffect(id=i, code=refusals[i].refusal.value) for i in ids if i in refusals],
    )


def _transfer(posted: Posted) -> TransferEffect:
    return TransferEffect(
        id=posted.id,
        debit_account=posted.debit_account,
        credit_account=posted.credit_account,
        amount=posted.amount,
        currency=posted.currency,
        reference=posted.reference,
        journal_id=posted.journal_id,
        hold_id=posted.hold_id,
        reverses=posted.reverses,
    )


def _hold(hold: Hold) -> HoldEffect:
    return HoldEffect(
        id=hold.id,
        amount=hold.amount,
        currency=hold.currency,
        captured=hold.captured,
        remaining=hold.remaining,
        status=HoldStatus(hold.status),
        reference=hold.reference,
    )
