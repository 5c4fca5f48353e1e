"""Tokens that were sent to users; only their hashes are kept."""

from datetime import datetime
from uuid import UUID

from contracts.identity import Purpose
from outbox.database import Reads
from outbox.transaction import Transaction

_FORGOTTEN_AT_ONCE = 10_000

_ADD = "INSERT INTO one_time_token (token_hash, purpose, user_id, expires_at) VALUES ($1, $2, $3, $4)"
_OWNER = """
SELECT user_id FROM one_time_token WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
"""
_USE = """
UPDATE one_time_token SET used_at = $3
WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 RETURNING user_id
"""
_REMOVE_OF_USER = "DELETE FROM one_time_token WHERE user_id = $1 AND ($2::text IS NULL OR purpose = $2)"
_FORGET = """
DELETE FROM one_time_token WHERE token_hash IN (
    SELECT token_hash FROM one_time_token WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)
"""


async def add(tx: Transaction, token_hash: bytes, purpose: Purpose, user: UUID, expires_at: datetime) -> None:
    """Add a token that a user is sent."""
    await tx.execute(_ADD, token_hash, purpose.value, user, expires_at)


async def owner(reads: Reads, token_hash: bytes, purpose: Purpose, now: datetime) -> UUID | None:
    """Return to whom a token was sent, if it can be used for this."""
    user: UUID | None = await reads.fetchval(_OWNER, token_hash, purpose.value, now)
    return user


async def use(tx: Transaction, token_hash: bytes, purpose: Purpose) -> UUID | None:
    """Use a token, once: return to whom it was sent, None where it cannot be used."""
    user: UUID | None = await tx.fetchval(_USE, token_hash, purpose.value, tx.now)
    return user


async def remove_of_user(tx: Transaction, user: UUID, purpose: Purpose | None = None) -> None:
    """Delete a user's tokens, those of one purpose or all."""
    await tx.execute(_REMOVE_OF_USER, user, purpose and purpose.value)


async def forget(tx: Transaction) -> None:
    """Delete tokens that nobody can use any more: a bounded number at a time."""
    await tx.execute(_FORGET, tx.now, _FORGOTTEN_AT_ONCE)
