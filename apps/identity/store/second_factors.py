"""One-time codes and recovery codes of users, and which second factors users have."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from outbox.database import Reads
from outbox.transaction import Transaction

_KINDS = """
SELECT user_id, 'totp' AS kind FROM totp WHERE user_id = ANY ($1::uuid[]) AND confirmed_at IS NOT NULL
UNION SELECT user_id, 'passkey' FROM passkey WHERE user_id = ANY ($1::uuid[])
ORDER BY kind DESC
"""
_TOTP_LOCKED = "SELECT sealed_secret, confirmed_at, last_step FROM totp WHERE user_id = $1 FOR UPDATE"
_PUT_TOTP = """
INSERT INTO totp (user_id, sealed_secret, created_at) VALUES ($1, $2, $3)
ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
WHERE totp.confirmed_at IS NULL
RETURNING user_id
"""
_TAKE_STEP = "UPDATE totp SET last_step = $2, confirmed_at = coalesce(confirmed_at, $3) WHERE user_id = $1"
_UNUSED_CODES = "SELECT code_hash FROM recovery_code WHERE user_id = $1 AND used_at IS NULL FOR UPDATE"
_USE_CODE = "UPDATE recovery_code SET used_at = $3 WHERE user_id = $1 AND code_hash = $2"
_DROP_CODES = "DELETE FROM recovery_code WHERE user_id = $1"
_ADD_CODES = "INSERT INTO recovery_code (user_id, code_hash) SELECT $1, unnest($2::bytea[])"
_DROP_TOTP = "DELETE FROM totp WHERE user_id = $1"
_DROP_PASSKEYS = "DELETE FROM passkey WHERE user_id = $1"


@dataclass(frozen=True)
class Totp:
    """A user's one-time codes: they count once confirmed. `last_step` is the last one whose code was taken."""

    sealed_secret: bytes = field(repr=False)
    confirmed_at: datetime | None
    last_step: int


async def kinds_of(reads: Reads, users: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return which second factors (`totp`, `passkey`) these users have; who has none is left out."""
    kinds: dict[UUID, list[str]] = {}
    for row in await reads.fetch(_KINDS, list(users)):
        kinds.setdefault(row["user_id"], []).append(row["kind"])
    return kinds


async def totp_locked(tx: Transaction, user: UUID) -> Totp | None:
    """Return a user's one-time codes; others who try one wait until this transaction ends."""
    row = await tx.fetchrow(_TOTP_LOCKED, user)
    return None if row is None else Totp(row["sealed_secret"], row["confirmed_at"], row["last_step"])


async def put_totp(tx: Transaction, user: UUID, sealed_secret: bytes) -> bool:
    """Keep a secret in place of one that was never confirmed; False when there is a confirmed one."""
    return await tx.fetchval(_PUT_TOTP, user, sealed_secret, tx.now) is not None


async def take_step(tx: Transaction, user: UUID, step: int) -> None:
    """Remember the step whose code was taken; the first one confirms the secret."""
    await tx.execute(_TAKE_STEP, user, step, tx.now)


async def remove_totp(tx: Transaction, user: UUID) -> None:
    """Forget a user's one-time codes and recovery codes."""
    await tx.execute(_DROP_CODES, user)
    await tx.execute(_DROP_TOTP, user)


async def unused_codes_locked(tx: Transaction, user: UUID) -> list[bytes]:
    """Return the hashes of the recovery codes that were not used; others who use one wait."""
    return [row["code_hash"] for row in await tx.fetch(_UNUSED_CODES, user)]


async def use_code(tx: Transaction, user: UUID, code_hash: bytes) -> None:
    """Mark a recovery code as used."""
    await tx.execute(_USE_CODE, user, code_hash, tx.now)


async def replace_codes(tx: Transaction, user: UUID, hashes: Sequence[bytes]) -> None:
    """Keep these recovery codes in place of all earlier ones."""
    await tx.execute(_DROP_CODES, user)
    await tx.execute(_ADD_CODES, user, list(hashes))


async def forget(tx: Transaction, user: UUID) -> None:
    """Forget all second factors and passkeys of a user."""
    await remove_totp(tx, user)
    await tx.execute(_DROP_PASSKEYS, user)
