"""OAuth clients. A deleted one is kept, as sessions and grants name it; it holds no longer.

Nor does a client whose owner was deactivated, or has no role any more that has clients.
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from apps.identity.domain.clients import Client
from apps.identity.domain.scopes import MERCHANTS
from contracts.identity import MOST_CLIENTS, GrantType, Scope
from outbox.database import Reads
from outbox.transaction import Transaction

_OWNERS = [role.value for role in MERCHANTS]
_ADD = """
INSERT INTO oauth_client (id, owner, name, secret_hash, redirect_uris, grant_types, scopes, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_BY_ID = """
SELECT c.id, c.owner, c.name, c.secret_hash, c.redirect_uris, c.grant_types, c.scopes, c.created_at
FROM oauth_client AS c JOIN user_account AS u ON u.id = c.owner
WHERE c.id = $1 AND c.deleted_at IS NULL AND u.status = 'active' AND u.role = ANY ($2::text[])
"""
_LOCKED = """
SELECT id, owner, name, secret_hash, redirect_uris, grant_types, scopes, created_at FROM oauth_client
WHERE id = $1 AND owner = $2 AND deleted_at IS NULL FOR UPDATE
"""
_OF_OWNER = """
SELECT id, owner, name, secret_hash, redirect_uris, grant_types, scopes, created_at FROM oauth_client
WHERE owner = $1 AND deleted_at IS NULL ORDER BY id DESC LIMIT $2
"""
_COUNT = "SELECT count(*) FROM oauth_client WHERE owner = $1 AND deleted_at IS NULL"
_SET_HASH = "UPDATE oauth_client SET secret_hash = $2 WHERE id = $1"
_DELETE = "UPDATE oauth_client SET deleted_at = $3 WHERE id = $1 AND owner = $2 AND deleted_at IS NULL RETURNING id"
_DELETE_ALL = "UPDATE oauth_client SET deleted_at = $2 WHERE owner = $1 AND deleted_at IS NULL RETURNING id"


async def add(tx: Transaction, client: Client) -> None:
    """Add a client."""
    await tx.execute(
        _ADD,
        client.id,
        client.owner,
        client.name,
        client.secret_hash,
        client.redirect_uris,
        client.grant_types,
        client.scopes,
        client.created_at,
    )


async def by_id(reads: Reads, client: UUID) -> Client | None:
    """Return a client that holds: it was not deleted, and its owner may still have it."""
    row = await reads.fetchrow(_BY_ID, client, _OWNERS)
    return None if row is None else _client(row)


async def locked(tx: Transaction, client: UUID, owner: UUID) -> Client | None:
    """Return a client of an owner, and keep others from changing it until this transaction ends."""
    row = await tx.fetchrow(_LOCKED, client, owner)
    return None if row is None else _client(row)


async def of_owner(reads: Reads, owner: UUID) -> Sequence[Client]:
    """Return the clients of an owner, newest first."""
    return [_client(row) for row in await reads.fetch(_OF_OWNER, owner, MOST_CLIENTS)]


async def count(tx: Transaction, owner: UUID) -> int:
    """Return how many clients an owner has. Lock the owner's account first."""
    held: int = await tx.fetchval(_COUNT, owner)
    return held


async def set_secret(tx: Transaction, client: UUID, secret_hash: bytes) -> None:
    """Let a client have another secret."""
    await tx.execute(_SET_HASH, client, secret_hash)


async def delete(tx: Transaction, client: UUID, owner: UUID) -> bool:
    """Delete a client; False when the owner has no such."""
    return await tx.fetchval(_DELETE, client, owner, tx.now) is not None


async def delete_all(tx: Transaction, owner: UUID) -> list[UUID]:
    """Delete all clients of an owner; return them."""
    return [row["id"] for row in await tx.fetch(_DELETE_ALL, owner, tx.now)]


def _client(row: asyncpg.Record) -> Client:
    return Client(
        client_id=str(row["id"]),
        name=row["name"],
        grant_types=tuple(map(GrantType, row["grant_types"])),
        scopes=tuple(map(Scope, row["scopes"])),
        redirect_uris=tuple(row["redirect_uris"]),
        id=row["id"],
        owner=row["owner"],
        secret_hash=row["secret_hash"],
        created_at=row["created_at"],
    )
