"""What every signal goes through: load and lock, decide, save, say. Also what workers hear goes through here."""

from collections.abc import Sequence

from prometheus_client import Counter

from apps.payments.domain.deciding import Ignored, Step, Terms, decide
from apps.payments.domain.signals import Signal
from apps.payments.handlers.batch import Batch, load_batch
from apps.payments.handlers.saving import save
from apps.payments.handlers.telling import tell
from apps.payments.store import hops
from apps.payments.store.deliveries import fan_out
from apps.payments.store.hops import HopRow
from contracts.message import Problem
from outbox.cooperation import by_and_by
from outbox.transaction import Cause, Transaction

IGNORED = Counter(
    "ledgerlink_payments_ignored_signals_total",
    "Words of risk, ledger, processors and clock that changed nothing: repeated, too late, or not of a payment",
    ["signal", "reason"],
)


async def apply_signals(
    tx: Transaction, signals: Sequence[Signal], *, terms: Terms, causes: Sequence[Cause] = ()
) -> list[Step | Problem | Ignored]:
    """Give signals to the machine, in order, each on what the ones before it left; return what it made of each.

    `causes` are the messages that the signals come from, one each, where they come from messages.
    """
    if not signals:
        return []
    batch = await load_batch(tx, signals)
    decisions = [_decide(batch, signal, terms, tx) for signal in signals]
    happened: list[HopRow] = []

    async def tell_all() -> None:
        steps = [(n, decision) for n, decision in enumerate(decisions) if isinstance(decision, Step)]
        async for n, step in by_and_by(steps):
            happened.extend(tell(tx, step, causes[n] if causes else None))

    await tx.meanwhile(save(tx, batch), tell_all())
    await hops.insert(tx, happened)
    await fan_out(tx, happened)
    return decisions


def _decide(batch: Batch, signal: Signal, terms: Terms, tx: Transaction) -> Step | Problem | Ignored:
    decision = decide(batch.concerned(signal), signal, terms, tx.now)
    if isinstance(decision, Step):
        batch.take(decision)
    elif isinstance(decision, Ignored):
        IGNORED.labels(type(signal).__name__, decision.value).inc()
    return decision
