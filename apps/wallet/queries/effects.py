"""Read what operations have come to, many at a time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from apps.wallet.domain.account import Account
from apps.wallet.domain.hold import Hold, as_of
from apps.wallet.domain.transfer import Posted
from apps.wallet.store import holds, transfers
from apps.wallet.store.accounts import load_accounts
from contracts.message import Envelope
from contracts.wallet import (
    EFFECTS_LIMIT,
    AccountKind,
    Effects,
    GetEffects,
    HoldEffect,
    HoldStatus,
    RefusedEffect,
    SystemAccountName,
    TransferEffect,
)
from outbox.database import Database, Reads
from outbox.responder import Refused


async def get_effects(database: Database, query: Envelope[GetEffects]) -> Effects:
    """Return what is known under some ids. Refused with `too_many_effects`."""
    ids = list(dict.fromkeys(query.data.ids))
    async with database.reads() as reads:
        single = await transfers.load_transfers(reads, ids)
        if len(single) + await transfers.count_of_journals(reads, ids) > EFFECTS_LIMIT:
            raise Refused("too_many_effects", "They have too many transfers for one answer; ask for fewer ids.", "ids")
        return await load_effects(reads, ids)


async def load_effects(reads: Reads, ids: Sequence[UUID]) -> Effects:
    """Return what is known under some ids, however much it is. The ids must differ."""
    posted = await transfers.load_transfers(reads, ids)
    journals = await transfers.load_journals(reads, ids)
    posted |= {transfer.id: transfer for journal in journals.values() for transfer in journal.transfers}
    known, now = await holds.load_holds(reads, ids), datetime.now(UTC)
    refusals = await transfers.load_refusals(reads, ids)
    sides = {account for transfer in posted.values() for account in (transfer.debit_account, transfer.credit_account)}
    names = {identifier: _name(account) for identifier, account in (await load_accounts(reads, sides)).items()}
    return Effects(
        transfers=[_transfer(transfer, names) for transfer in sorted(posted.values(), key=lambda t: t.sequence)],
        holds=[_hold(as_of(known[i], now)) for i in ids if i in known],
        refused=[RefusedEffect(id=i, code=refusals[i].refusal.value) for i in ids if i in refusals],
    )


def _name(account: Account) -> SystemAccountName | None:
    match kind := AccountKind(account.kind):
        case AccountKind.CLEARING | AccountKind.FEES | AccountKind.SUSPENSE:
            return SystemAccountName(kind=kind, processor=account.processor)
        case _:
            return None


def _transfer(posted: Posted, names: Mapping[UUID, SystemAccountName | None]) -> TransferEffect:
    return TransferEffect(
        id=posted.id,
        debit_account=posted.debit_account,
        credit_account=posted.credit_account,
        debit_name=names.get(posted.debit_account),
        credit_name=names.get(posted.credit_account),
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
