"""Revocations: what gateways must know until the last access token of then has expired."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from contracts.identity import Revocation
from contracts.ids import new_id
from outbox.database import Reads
from outbox.transaction import Transaction

DELETED_AT_ONCE = 10_000

_ADD_GRANTS = """
INSERT INTO revocation (id, grant_id, revoked_at)
SELECT id, grant_id, $3 FROM unnest($1::uuid[], $2::uuid[]) AS ended (id, grant_id)
"""
_ADD_VERSION = "INSERT INTO revocation (id, user_id, version, revoked_at) VALUES ($1, $2, $3, $4)"
_SINCE = """
SELECT id, grant_id, user_id, version, revoked_at FROM revocation
WHERE (revoked_at, id) > ($1::timestamptz, $2::uuid) ORDER BY revoked_at, id LIMIT $3
"""
_FORGET = """
DELETE FROM revocation WHERE id IN (SELECT id FROM revocation WHERE revoked_at < $1 ORDER BY revoked_at LIMIT $2)
"""


async def add_grants(tx: Transaction, grants: Iterable[UUID]) -> None:
    """Note that grants have ended."""
    ended = list(grants)
    await tx.execute(_ADD_GRANTS, [new_id() for _ in ended], ended, tx.now)


async def add_version(tx: Transaction, user: UUID, version: int) -> None:
    """Note the lowest version of a user's authority that holds."""
    await tx.execute(_ADD_VERSION, new_id(), user, version, tx.now)


async def since(reads: Reads, instant: datetime, after: UUID, limit: int) -> list[Revocation]:
    """Return what was revoked at that instant, past the revocation `after`, or later: oldest first."""
    rows = await reads.fetch(_SINCE, instant, after, limit)
    return [
        Revocation(
            id=row["id"],
            grant=row["grant_id"],
            user_id=row["user_id"],
            version=row["version"],
            revoked_at=row["revoked_at"],
        )
        for row in rows
    ]


async def forget(tx: Transaction, before: datetime) -> None:
    """Forget what was revoked before: a bounded number at a time."""
    await tx.execute(_FORGET, before, DELETED_AT_ONCE)
