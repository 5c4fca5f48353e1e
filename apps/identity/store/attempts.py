"""Counters of failed guesses. They are not kept through a crash of the database, which costs a guesser nothing much."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from apps.identity.domain.throttling import Counter
from outbox.database import columns
from outbox.transaction import Transaction

_FORGOTTEN_AT_ONCE = 10_000

# Writing a row back unchanged locks it; in the order of keys, so that two guesses never wait for each other.
_LOCKED = """
INSERT INTO failed_attempts AS known (key, failures, last_at)
SELECT key, 0, $2 FROM unnest($1::bytea[]) AS key ORDER BY key
ON CONFLICT (key) DO UPDATE SET failures = known.failures
RETURNING key, failures, last_at
"""
_SAVE = """
UPDATE failed_attempts AS known SET failures = counted.failures, last_at = counted.last_at
FROM unnest($1::bytea[], $2::integer[], $3::timestamptz[]) AS counted (key, failures, last_at)
WHERE known.key = counted.key
"""
_TAKE_BACK = "UPDATE failed_attempts SET failures = greatest(failures - 1, 0) WHERE key = ANY ($1::bytea[])"
_FORGET = "DELETE FROM failed_attempts WHERE key = ANY ($1::bytea[])"
_FORGET_OLD = """
DELETE FROM failed_attempts WHERE key IN (
    SELECT key FROM failed_attempts WHERE last_at < $1 ORDER BY last_at LIMIT $2)
"""


async def locked(tx: Transaction, keys: Iterable[bytes]) -> dict[bytes, Counter]:
    """Return all these counters, and keep others from counting until this transaction ends."""
    rows = await tx.fetch(_LOCKED, sorted(set(keys)), tx.now)
    return {row["key"]: Counter(row["failures"], row["last_at"]) for row in rows}


async def save(tx: Transaction, counters: Mapping[bytes, Counter]) -> None:
    """Keep counters that are locked."""
    rows = [(key, counter.failures, counter.last_at) for key, counter in counters.items()]
    await tx.execute(_SAVE, *columns(rows, 3))


async def take_back(tx: Transaction, keys: Iterable[bytes]) -> None:
    """Count one failure less: it was none."""
    await tx.execute(_TAKE_BACK, sorted(set(keys)))


async def forget(tx: Transaction, keys: Iterable[bytes]) -> None:
    """Forget what was counted: the secret was known after all."""
    await tx.execute(_FORGET, sorted(set(keys)))


async def forget_old(tx: Transaction, before: datetime) -> None:
    """Forget counters to which nothing was added since: a bounded number at a time."""
    await tx.execute(_FORGET_OLD, before, _FORGOTTEN_AT_ONCE)
