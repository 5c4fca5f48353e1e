"""Passkeys of users, and which challenges were answered."""

from datetime import datetime
from uuid import UUID

from apps.identity.domain.passkeys import Credential, NewCredential
from contracts.identity import MOST_PASSKEYS, Passkey
from outbox.database import Reads
from outbox.transaction import Transaction

_ANSWER = """
INSERT INTO answered_challenge (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING RETURNING id
"""
_FORGET_ANSWERED = """
DELETE FROM answered_challenge WHERE id IN (
    SELECT id FROM answered_challenge WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)
"""
_FORGOTTEN_AT_ONCE = 10_000
_ADD = """
INSERT INTO passkey (id, user_id, credential_id, public_key, sign_count, name, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (credential_id) DO NOTHING RETURNING id
"""
_OF = """
SELECT id, name, created_at, last_used_at, credential_id FROM passkey WHERE user_id = $1 ORDER BY id DESC LIMIT $2
"""
_OWNER = "SELECT user_id FROM passkey WHERE credential_id = $1"
_LOCKED = "SELECT id, user_id, public_key, sign_count FROM passkey WHERE credential_id = $1 FOR UPDATE"
_USE = "UPDATE passkey SET sign_count = $2, last_used_at = $3 WHERE id = $1"
_REMOVE = "DELETE FROM passkey WHERE id = $1 AND user_id = $2 RETURNING id"


async def answer_once(tx: Transaction, challenge: UUID, expires_at: datetime) -> bool:
    """Remember that a challenge was answered; False when it was already. Only one of two at a time gets True."""
    return await tx.fetchval(_ANSWER, challenge, expires_at) is not None


async def forget_answered(tx: Transaction) -> None:
    """Forget challenges that nobody may answer any more, a bounded number of them."""
    await tx.execute(_FORGET_ANSWERED, tx.now, _FORGOTTEN_AT_ONCE)


async def add(tx: Transaction, passkey: Passkey, user: UUID, credential: NewCredential) -> bool:
    """Add a passkey; False when its credential is somebody's already."""
    row = (
        passkey.id,
        user,
        credential.id,
        credential.public_key,
        credential.sign_count,
        passkey.name,
        passkey.created_at,
    )
    return await tx.fetchval(_ADD, *row) is not None


async def of_user(reads: Reads, user: UUID) -> list[Passkey]:
    """Return a user's passkeys, newest first."""
    return [
        Passkey(id=row["id"], name=row["name"], created_at=row["created_at"], last_used_at=row["last_used_at"])
        for row in await reads.fetch(_OF, user, MOST_PASSKEYS)
    ]


async def credential_ids(reads: Reads, user: UUID) -> list[bytes]:
    """Return the ids of a user's credentials."""
    return [row["credential_id"] for row in await reads.fetch(_OF, user, MOST_PASSKEYS)]


async def owner_of(reads: Reads, credential: bytes) -> UUID | None:
    """Return whose credential it is."""
    owner: UUID | None = await reads.fetchval(_OWNER, credential)
    return owner


async def locked(tx: Transaction, credential: bytes) -> Credential | None:
    """Return a credential; others who use it wait until this transaction ends."""
    row = await tx.fetchrow(_LOCKED, credential)
    return None if row is None else Credential(row["id"], row["user_id"], row["public_key"], row["sign_count"])


async def use(tx: Transaction, passkey: UUID, sign_count: int) -> None:
    """Remember that a passkey was used, and its counter."""
    await tx.execute(_USE, passkey, sign_count, tx.now)


async def remove(tx: Transaction, passkey: UUID, user: UUID) -> bool:
    """Forget a user's passkey; False when they have no such."""
    return await tx.fetchval(_REMOVE, passkey, user) is not None
