"""What the ledger has carried out or refused, of all that payments ask of it."""

from collections.abc import Sequence
from typing import TypeAlias

from apps.payments.domain.deciding import Terms
from apps.payments.domain.signals import HoldEnded, LedgerResult
from apps.payments.handlers.signals import apply_signals
from contracts.message import Envelope
from contracts.wallet import (
    Hold,
    HoldCaptured,
    HoldExpired,
    HoldPlaced,
    HoldRefused,
    HoldVoided,
    Journal,
    JournalPosted,
    JournalRefused,
    Transfer,
    TransferPosted,
    TransferRefused,
)
from outbox.transaction import Transaction

Outcome: TypeAlias = (
    TransferPosted
    | TransferRefused
    | JournalPosted
    | JournalRefused
    | HoldPlaced
    | HoldCaptured
    | HoldVoided
    | HoldExpired
    | HoldRefused
)


async def hear_ledger(tx: Transaction, outcomes: Sequence[Envelope[Outcome]], *, terms: Terms) -> None:
    """Move payments, refunds and disputes on; what is not for one of them (such as a funding) is ignored."""
    heard = [(signal, outcome) for outcome in outcomes if (signal := _signal(outcome.data))]
    if heard:
        await apply_signals(tx, [s for s, _ in heard], terms=terms, causes=[outcome for _, outcome in heard])


def _signal(outcome: Outcome) -> LedgerResult | HoldEnded | None:
    """Return what an outcome says of an operation; whatever payments ask for has a reference."""
    match outcome:
        case HoldVoided(hold=hold) | HoldExpired(hold=hold):
            return HoldEnded(hold.reference, hold.id) if hold.reference else None
        case TransferRefused(transfer_id=asked) | JournalRefused(journal_id=asked):
            return LedgerResult(asked, outcome.problem, outcome.reference) if outcome.reference else None
        case HoldRefused(operation_id=asked):
            # To give a hold back is asked for without a reference.
            return LedgerResult(asked, outcome.problem, outcome.reference)
        case _:
            done = _done(outcome)
            return LedgerResult(done.id, None, done.reference) if done and done.reference else None


def _done(outcome: TransferPosted | JournalPosted | HoldPlaced | HoldCaptured) -> Transfer | Journal | Hold | None:
    """Return the operation that was carried out; a capture's outcome is its transfer, a journal's is its own."""
    match outcome:
        case TransferPosted(transfer=transfer):
            return transfer if transfer.journal_id is None else None
        case JournalPosted(journal=journal):
            return journal
        case HoldPlaced(hold=hold):
            return hold
        case HoldCaptured():
            return None
