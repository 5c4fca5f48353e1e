"""What the databases say about the story: the hops of the payment and the entries of the ledger."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from apps.wallet.domain.transfer import Posted
from apps.wallet.store.transfers import load_entries, load_transfers
from contracts.topology import OPERATOR
from ops.demo.card import CardStory
from ops.demo.place import Place
from ops.demo.report import EntryLine, HopLine
from ops.demo.story import CURRENCY, Paid, Story
from ops.hops import Hop, read_hops
from ops.read_only import read_only
from outbox.connection import connect
from outbox.database import Reads

CLOCK_MARGIN = timedelta(seconds=5)
ENTRIES_SHOWN = 50  # of each account


async def payment_hops(place: Place, paid: Paid) -> list[HopLine]:
    """Return the payment's hops, first said first."""
    asked_at = paid.asked_at
    nc = await connect(place.broker, OPERATOR)
    try:
        hops = await read_hops(place.databases, nc, paid.intent.answer.correlation_id, asked_at - CLOCK_MARGIN)
    finally:
        await nc.close()
    return [_hop_line(hop, asked_at) for hop in hops]


async def ledger_entries(place: Place, story: Story, card: CardStory) -> list[EntryLine]:
    """Return the entries of all accounts that the story touched, in the ledger's order, the debit before the credit."""
    async with read_only(place.databases["wallet"]) as connection:
        reads = Reads(connection)
        captured = await load_transfers(reads, [card.paid.transfer_id] if card.paid.transfer_id else [])
        names = {
            story.top_up.debit_account: f"clearing {CURRENCY}",
            story.ada.wallet.id: "Ada's wallet",
            story.grace.wallet.id: "Grace's wallet",
        } | {transfer.debit_account: f"{card.paid.processor} {CURRENCY}" for transfer in captured.values()}
        rows = [row for account in names for row in await load_entries(reads, account, None, ENTRIES_SHOWN)]
        transfers = await load_transfers(reads, {row["transfer_id"] for row in rows})
    purposes = {story.top_up.id: "top-up", card.paid.id: "capture", card.refund.id: "refund"} | {
        paid.intent.id: "payment" for paid in (story.first_paid, story.paid)
    }
    lines = [
        EntryLine(
            sequence=row["sequence"],
            account=names[row["account_id"]],
            amount=row["amount"],
            balance_after=row["balance_after"],
            currency=CURRENCY,
            transfer_id=row["transfer_id"],
            what=_purpose(transfers[row["transfer_id"]], purposes),
        )
        for row in rows
    ]
    return sorted(lines, key=lambda line: (line.sequence, line.amount))


def _purpose(transfer: Posted, purposes: Mapping[UUID, str]) -> str:
    """Return what a transfer is for: what its reference is, or else itself, as far as the story knows."""
    return purposes.get(transfer.reference or transfer.id, "?")


def _hop_line(hop: Hop, asked_at: datetime) -> HopLine:
    taken = hop.taken[0] if hop.taken else None
    return HopLine(
        message=hop.message.__name__,
        kind=hop.kind.value.removesuffix("s"),
        said_by=hop.said_by,
        said_at_ms=_milliseconds(hop.said_at - asked_at),
        taken_by=taken.service if taken else None,
        taken_at_ms=_milliseconds(taken.at - asked_at) if taken else None,
    )


def _milliseconds(span: timedelta) -> float:
    return round(span / timedelta(milliseconds=1), 1)
