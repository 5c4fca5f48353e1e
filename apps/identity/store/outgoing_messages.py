"""Messages to users that wait for their sender. What is personal is sealed, and goes once a message is sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from contracts.identity import Purpose
from outbox.database import Reads, columns
from outbox.transaction import Transaction

WORKER = "messages"
_NONE = UUID(int=0)
_FORGOTTEN_AT_ONCE = 10_000

_ADD = """
INSERT INTO outgoing_message (id, purpose, user_id, sealed, next_at, created_at) VALUES ($1, $2, $3, $4, $5, $5)
"""
_DUE = """
SELECT id, purpose, user_id, sealed, attempts, created_at FROM outgoing_message
WHERE next_at <= $1 ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_CLAIM = """
UPDATE outgoing_message AS m SET attempts = m.attempts + 1, next_at = claimed.next_at, user_id = claimed.user_id
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) AS claimed (id, next_at, user_id) WHERE m.id = claimed.id
"""
_FINISH = """
UPDATE outgoing_message AS m SET next_at = NULL, sent_at = ended.sent_at, sealed = ''
FROM unnest($1::uuid[], $2::timestamptz[]) AS ended (id, sent_at) WHERE m.id = ended.id
"""
_WAS_QUEUED = """
SELECT EXISTS (SELECT FROM outgoing_message WHERE user_id = $1 AND purpose = $2 AND created_at > $3 AND id <> $4)
"""
_REMOVE = "DELETE FROM outgoing_message WHERE id = ANY ($1::uuid[])"
_REMOVE_OF_USER = "DELETE FROM outgoing_message WHERE user_id = $1"
_FORGET = """
DELETE FROM outgoing_message WHERE id IN (
    SELECT id FROM outgoing_message WHERE created_at < $1 ORDER BY created_at LIMIT $2)
"""


@dataclass(frozen=True)
class Waiting:
    """A message that is due. `user` is None where it is not known whether the address has an account."""

    id: UUID
    purpose: Purpose
    user: UUID | None
    sealed: bytes = field(repr=False)
    attempts: int
    created_at: datetime


async def add(tx: Transaction, message: UUID, purpose: Purpose, user: UUID | None, sealed: bytes) -> None:
    """Add a message that is due at once."""
    await tx.execute(_ADD, message, purpose.value, user, sealed, tx.now)
    tx.wake(WORKER)


async def lock_due(tx: Transaction, most: int) -> list[Waiting]:
    """Return messages that are due, the oldest first, which no other process has in hand."""
    return [
        Waiting(row["id"], Purpose(row["purpose"]), row["user_id"], row["sealed"], row["attempts"], row["created_at"])
        for row in await tx.fetch(_DUE, tx.now, most)
    ]


async def claim(tx: Transaction, messages: Sequence[tuple[UUID, timedelta, UUID]]) -> None:
    """Count an attempt at these: id, after how long the next one is due unless this succeeds, and whose it is."""
    await tx.execute(_CLAIM, *columns([(message, tx.now + pause, user) for message, pause, user in messages], 3))


async def finish(tx: Transaction, messages: Sequence[tuple[UUID, datetime | None]]) -> None:
    """Attempt these no more: sent then, or never (None). Nothing personal is left of them."""
    await tx.execute(_FINISH, *columns(messages, 2))


async def was_queued(reads: Reads, user: UUID, purpose: Purpose, since: datetime, *, besides: UUID = _NONE) -> bool:
    """Tell whether a message of a purpose was queued for a user since then, besides one."""
    queued: bool = await reads.fetchval(_WAS_QUEUED, user, purpose.value, since, besides)
    return queued


async def remove(tx: Transaction, messages: Sequence[UUID]) -> None:
    """Delete messages: there is nobody to send them to."""
    await tx.execute(_REMOVE, list(messages))


async def remove_of_user(tx: Transaction, user: UUID) -> None:
    """Delete all messages of a user."""
    await tx.execute(_REMOVE_OF_USER, user)


async def forget(tx: Transaction, before: datetime) -> None:
    """Delete messages from before: a bounded number at a time."""
    await tx.execute(_FORGET, before, _FORGOTTEN_AT_ONCE)
