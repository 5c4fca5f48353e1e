"""The ledger's outcomes: a posted transfer makes a payment succeed, a refused one makes its attempt fail."""

from collections.abc import Sequence

from apps.payments.domain.advancing import Signal
from apps.payments.domain.payment_errors import refused_by_ledger
from apps.payments.domain.transitions import Trigger
from apps.payments.handlers.conclusions import conclude
from apps.payments.handlers.signals import apply_signals
from contracts.message import Envelope
from contracts.wallet import TransferPosted, TransferRefused
from outbox.transaction import Transaction

Outcome = TransferPosted | TransferRefused


async def apply_transfer_outcomes(tx: Transaction, outcomes: Sequence[Envelope[Outcome]]) -> None:
    """End each payment's attempt; transfers that are not of a payment (top-ups) are ignored."""
    signals = [(outcome, signal) for outcome in outcomes if (signal := _signal(outcome.data))]
    results = await apply_signals(tx, [signal for _, signal in signals])
    for (outcome, _), intent in zip(signals, results, strict=True):
        if intent is not None:
            conclude(tx, intent, outcome)


def _signal(outcome: Outcome) -> Signal | None:
    reference = outcome.transfer.reference if isinstance(outcome, TransferPosted) else outcome.reference
    if reference is None:
        return None
    if isinstance(outcome, TransferPosted):
        return Signal(reference, Trigger.TRANSFER_POSTED, outcome.transfer.id)
    return Signal(reference, Trigger.TRANSFER_REFUSED, outcome.transfer_id, refused_by_ledger(outcome.problem))
