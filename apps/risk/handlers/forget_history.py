"""Forget who was not seen for a long time, and what was used of limits in months that have passed."""

from datetime import timedelta

from apps.risk.domain.features.state import DAY
from apps.risk.domain.limits import day_of, first_of_month, start_of
from apps.risk.store import feature_states, limits, moved_payments
from outbox.transaction import Transaction

CHUNK = 1_000
"""Rows deleted at a time, so that no run holds its locks for long."""
LATEST_WORD = timedelta(days=7)
"""How late a decision can be: for as long streams keep what was asked."""


async def forget_history(retention: timedelta, tx: Transaction) -> None:
    """Delete one chunk of what was seen of those who were not seen within `retention`, and of use of past months."""
    await feature_states.forget(tx, int((tx.now - retention).timestamp()) // DAY, CHUNK)
    month = first_of_month(day_of(tx.now))
    await limits.forget_use(tx, month, CHUNK)
    await limits.forget_ends(tx, start_of(month) - LATEST_WORD, CHUNK)
    await moved_payments.forget(tx, start_of(month) - LATEST_WORD, CHUNK)
