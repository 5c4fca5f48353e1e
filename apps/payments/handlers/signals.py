"""What every signal goes through: load and lock, decide, save, say. Also what workers hear goes through here."""

from collections.abc import Sequence

from prometheus_client import Counter

from apps.payments.domain.deciding import Ignored, Step, Terms, decide
from apps.payments.domain.signals import Signal
from apps.payments.handlers.batch import load_batch
from apps.payments.handlers.saving import save
from apps.payments.handlers.telling import tell
from apps.payments.store import hops
from apps.payments.store.deliveries import fan_out
from apps.payments.store.hops import HopRow
from contracts.message import Problem
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
    batch = await load_batch(tx, signals)
    decisions: list[Step | Problem | Ignored] = []
    happened: list[HopRow] = []
    for n, signal in enumerate(signals):
        decision = decide(batch.concerned(signal), signal, terms, tx.now)
        if isinstance(decision, Step):
            batch.take(decision)
            happened += tell(tx, decision, causes[n] if causes else None)
        elif isinstance(decision, Ignored):
            IGNORED.labels(type(signal).__name__, decision.value).inc()
        decisions.append(decision)
    await save(tx, batch)
    await hops.insert(tx, happened)
    await fan_out(tx, happened)
    return decisions
