"""Names and birth dates of users, sealed."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from outbox.database import Reads
from outbox.transaction import Transaction

_ADD = "INSERT INTO personal_detail (user_id, sealed) VALUES ($1, $2)"
_LOAD = """
SELECT a.id, a.personal_key, d.sealed FROM user_account a LEFT JOIN personal_detail d ON d.user_id = a.id
WHERE a.id = ANY($1::uuid[])
"""
_REMOVE = "DELETE FROM personal_detail WHERE user_id = $1"


class SealedDetails(NamedTuple):
    """What is kept of a user, and the key to it, sealed too; None where there is none."""

    user: UUID
    personal_key: bytes | None
    sealed: bytes | None


async def add(tx: Transaction, user: UUID, sealed: bytes) -> None:
    """Keep a new user's details."""
    await tx.execute(_ADD, user, sealed)


async def load(reads: Reads, users: Iterable[UUID]) -> list[SealedDetails]:
    """Return what is kept of users; those whom nobody knows are missing."""
    return [SealedDetails(*row) for row in await reads.fetch(_LOAD, list(set(users)))]


async def remove(tx: Transaction, user: UUID) -> None:
    """Forget a user's details."""
    await tx.execute(_REMOVE, user)
