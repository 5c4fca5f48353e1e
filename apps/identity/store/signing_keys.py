"""The keys that sign access tokens; the private ones are sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from apps.identity.domain.signing_keys import KeyTimes
from outbox.database import Reads
from outbox.transaction import Transaction

# One process at a time makes a key; the others see it when it is their turn.
_TURN = 7101

_TAKE_TURN = "SELECT pg_advisory_xact_lock($1)"
_ALL = "SELECT kid, public_jwk, sealed_private, created_at, signs_from FROM signing_key ORDER BY signs_from DESC"
_ADD = """
INSERT INTO signing_key (kid, public_jwk, sealed_private, created_at, signs_from) VALUES ($1, $2::json, $3, $4, $5)
"""
_DELETE = "DELETE FROM signing_key WHERE kid = ANY($1::text[])"


@dataclass(frozen=True)
class StoredKey:
    """A key as it is kept."""

    times: KeyTimes
    public_jwk: dict[str, Any]
    sealed_private: bytes


async def take_turn(tx: Transaction) -> None:
    """Keep others from making keys until this transaction ends."""
    await tx.fetchval(_TAKE_TURN, _TURN)


async def all_keys(reads: Reads) -> list[StoredKey]:
    """Return all keys that sign, will sign or check, newest first: they are few, because old ones are deleted."""
    return [
        StoredKey(
            KeyTimes(row["kid"], row["created_at"], row["signs_from"]),
            orjson.loads(row["public_jwk"]),
            row["sealed_private"],
        )
        for row in await reads.fetch(_ALL)
    ]


async def add(tx: Transaction, key: StoredKey) -> None:
    """Add a key."""
    times = key.times
    jwk = orjson.dumps(key.public_jwk).decode()
    await tx.execute(_ADD, times.kid, jwk, key.sealed_private, times.created_at, times.signs_from)


async def delete(tx: Transaction, kids: Sequence[str]) -> None:
    """Delete keys that check no longer."""
    await tx.execute(_DELETE, list(kids))
