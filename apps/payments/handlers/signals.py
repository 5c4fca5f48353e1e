"""What every message about an attempt goes through: load and lock, decide, save; the rest is counted and dropped."""

from collections.abc import Sequence

from prometheus_client import Counter

from apps.payments import store
from apps.payments.domain.advancing import Ignored, Signal, advance_all
from apps.payments.domain.intents import Intent
from outbox.transaction import Transaction

IGNORED = Counter(
    "ledgerlink_payments_ignored_signals_total",
    "Decisions and outcomes that changed nothing: repeated, of another attempt, or not of a payment",
    ["trigger", "reason"],
)


async def apply_signals(tx: Transaction, signals: Sequence[Signal]) -> list[Intent | None]:
    """Return the intent after each signal, in the order of the signals; None for those that changed nothing."""
    intents = await store.lock(tx, [signal.intent_id for signal in signals])
    results = advance_all(intents, signals, tx.now)
    moved: dict[object, Intent] = {}
    for signal, result in zip(signals, results, strict=True):
        if isinstance(result, Ignored):
            IGNORED.labels(signal.trigger.value, result.value).inc()
        else:
            moved[result.id] = result
    await store.update(tx, moved.values())
    return [None if isinstance(result, Ignored) else result for result in results]
