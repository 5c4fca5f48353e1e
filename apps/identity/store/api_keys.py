"""API keys of owners. A key that has ended is deleted: the security log says what became of it."""

from datetime import datetime
from uuid import UUID

import asyncpg

from apps.identity.domain.api_keys import OwnedKey
from apps.identity.domain.scopes import MERCHANTS
from contracts.identity import MOST_KEYS, KeyHolder, Role, Scope
from outbox.database import Reads
from outbox.transaction import Transaction

_OWNERS = [role.value for role in MERCHANTS]
_ADD = """
INSERT INTO api_key (id, owner, name, prefix, secret_hash, scopes, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_OF = """
SELECT id, owner, name, prefix, scopes, created_at, expires_at FROM api_key
WHERE owner = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY id DESC LIMIT $3
"""
_LOCKED = """
SELECT id, owner, name, prefix, scopes, created_at, expires_at FROM api_key
WHERE id = $1 AND owner = $2 AND (expires_at IS NULL OR expires_at > $3) FOR UPDATE
"""
_COUNT = "SELECT count(*) FROM api_key WHERE owner = $1"
_FORGET_EXPIRED = "DELETE FROM api_key WHERE owner = $1 AND expires_at <= $2"
_LIMIT = "UPDATE api_key SET expires_at = $2 WHERE id = $1"
_REMOVE = "DELETE FROM api_key WHERE id = $1 AND owner = $2 RETURNING id"
_REMOVE_ALL = "DELETE FROM api_key WHERE owner = $1 RETURNING id"
_HOLDER = """
SELECT k.id, k.owner, k.scopes, k.expires_at, u.role, u.version
FROM api_key AS k JOIN user_account AS u ON u.id = k.owner
WHERE k.secret_hash = $1 AND u.status = 'active' AND u.role = ANY ($3::text[])
      AND (k.expires_at IS NULL OR k.expires_at > $2)
"""


async def add(tx: Transaction, key: OwnedKey, secret_hash: bytes) -> None:
    """Add a key."""
    row = (key.id, key.owner, key.name, key.prefix, secret_hash, list(key.scopes), key.created_at, key.expires_at)
    await tx.execute(_ADD, *row)


async def of_owner(reads: Reads, owner: UUID, now: datetime) -> list[OwnedKey]:
    """Return an owner's keys that hold, newest first."""
    return [_key(row) for row in await reads.fetch(_OF, owner, now, MOST_KEYS)]


async def locked(tx: Transaction, key: UUID, owner: UUID) -> OwnedKey | None:
    """Return an owner's key that holds, and keep others from changing it until this transaction ends."""
    row = await tx.fetchrow(_LOCKED, key, owner, tx.now)
    return None if row is None else _key(row)


async def count_unexpired(tx: Transaction, owner: UUID) -> int:
    """Return how many keys an owner has, having forgotten those that have expired. Lock the owner's account first."""
    await tx.execute(_FORGET_EXPIRED, owner, tx.now)
    held: int = await tx.fetchval(_COUNT, owner)
    return held


async def limit(tx: Transaction, key: UUID, until: datetime) -> None:
    """Let a key hold until then."""
    await tx.execute(_LIMIT, key, until)


async def remove(tx: Transaction, key: UUID, owner: UUID) -> bool:
    """End a key; False when the owner has no such."""
    return await tx.fetchval(_REMOVE, key, owner) is not None


async def remove_all(tx: Transaction, owner: UUID) -> list[UUID]:
    """End all keys of an owner, and return which these were."""
    return [row["id"] for row in await tx.fetch(_REMOVE_ALL, owner)]


async def holder(reads: Reads, secret_hash: bytes, now: datetime) -> KeyHolder | None:
    """Return who a key acts for, if it holds and its owner may have keys; `scopes` are those it was made for."""
    row = await reads.fetchrow(_HOLDER, secret_hash, now, _OWNERS)
    if row is None:
        return None
    return KeyHolder(
        key=row["id"],
        user=row["owner"],
        role=Role(row["role"]),
        scopes=[Scope(scope) for scope in row["scopes"]],
        version=row["version"],
        expires_at=row["expires_at"],
    )


def _key(row: asyncpg.Record) -> OwnedKey:
    return OwnedKey(
        id=row["id"],
        owner=row["owner"],
        name=row["name"],
        prefix=row["prefix"],
        scopes=tuple(Scope(scope) for scope in row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
