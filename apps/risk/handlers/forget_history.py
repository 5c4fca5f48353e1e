"""Forget what no rule looks at any more."""

from datetime import timedelta

from apps.risk.domain.history import minute_of
from apps.risk.store import assessments as store
from outbox.transaction import Transaction

CHUNK = 10_000
"""Rows deleted at a time, so that no run holds its locks for long."""


async def forget_history(retention: timedelta, tx: Transaction) -> None:
    """Delete one chunk of the minutes that are older than `retention`."""
    await store.delete_minutes_before(tx, minute_of(tx.now - retention), CHUNK)
