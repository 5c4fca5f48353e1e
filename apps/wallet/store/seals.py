"""Seals: how far the ledger is sealed, the chain of seals, and the keys that signed it."""

from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from apps.wallet.domain.sealing import Standing
from contracts.proof import NO_SEAL, Seal, SealedEntry, SealKey, Side
from outbox.database import Reads
from outbox.transaction import Transaction

# One replica seals at a time; the others come round again.
_TURN = "SELECT pg_try_advisory_xact_lock(7010)"

_STANDING = """
SELECT l.sequence AS head, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS finished,
       s.number, s.last_sequence, s.records_until, s.hash, s.sealed_at
FROM ledger l LEFT JOIN (SELECT * FROM seal ORDER BY number DESC LIMIT 1) s ON true WHERE l.id = 1
"""

# Of each table the first record that is not sealed, and the one that is one too many for a seal.
_UNSEALED = """
SELECT min(first) AS first, min(beyond) AS beyond FROM (
    SELECT (SELECT recorded_in FROM account_opening WHERE recorded_in >= $1 AND recorded_in < $2
            ORDER BY recorded_in LIMIT 1),
           (SELECT recorded_in FROM account_opening WHERE recorded_in >= $1 AND recorded_in < $2
            ORDER BY recorded_in OFFSET $3 LIMIT 1)
    UNION ALL
    SELECT (SELECT recorded_in FROM account_change WHERE recorded_in >= $1 AND recorded_in < $2
            ORDER BY recorded_in LIMIT 1),
           (SELECT recorded_in FROM account_change WHERE recorded_in >= $1 AND recorded_in < $2
            ORDER BY recorded_in OFFSET $3 LIMIT 1)
    UNION ALL
    SELECT (SELECT recorded_in FROM hold_step WHERE recorded_in >= $1 AND recorded_in < $2
            ORDER BY recorded_in LIMIT 1),
           (SELECT recorded_in FROM hold_step WHERE recorded_in >= $1 AND recorded_in < $2
            ORDER BY recorded_in OFFSET $3 LIMIT 1)
    UNION ALL
    SELECT (SELECT recorded_in FROM period WHERE recorded_in >= $1 AND recorded_in < $2
            ORDER BY recorded_in LIMIT 1),
           (SELECT recorded_in FROM period WHERE recorded_in >= $1 AND recorded_in < $2
            ORDER BY recorded_in OFFSET $3 LIMIT 1)
    UNION ALL
    SELECT (SELECT recorded_in FROM refusal WHERE recorded_in >= $1 AND recorded_in < $2
            ORDER BY recorded_in LIMIT 1),
           (SELECT recorded_in FROM refusal WHERE recorded_in >= $1 AND recorded_in < $2
            ORDER BY recorded_in OFFSET $3 LIMIT 1)
) AS of_a_table (first, beyond)
"""

_SAVE_KEY = """
INSERT INTO seal_key (key_id, public_key, first_used_at) VALUES ($1, $2, $3) ON CONFLICT (key_id) DO NOTHING
"""
_SAVE = """
INSERT INTO seal (number, first_sequence, last_sequence, records_from, records_until, leaves, root, previous, sealed_at,
                  key_id, hash, signature)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

_SEALED = """
SELECT s.*, k.public_key, k.first_used_at
FROM (SELECT * FROM seal WHERE last_sequence >= $1 ORDER BY last_sequence, number LIMIT 1) s
JOIN seal_key k ON k.key_id = s.key_id
"""
_SEALS = """
SELECT s.*, k.public_key, k.first_used_at FROM seal s LEFT JOIN seal_key k ON k.key_id = s.key_id
WHERE s.number > $1 AND s.number <= $2 ORDER BY s.number
"""
_TRANSFER = "SELECT * FROM transfer WHERE id = $1"
_KEYS = "SELECT public_key, first_used_at FROM seal_key ORDER BY first_used_at, key_id LIMIT $1"
KEYS_LIMIT = 1000


async def take_turn(tx: Transaction) -> bool:
    """Become the one that seals until the transaction ends; False when another replica is."""
    return bool(await tx.fetchval(_TURN))


async def load_standing(reads: Reads, records: int) -> Standing:
    """Return how far the ledger is sealed; a seal should cover about `records` records of a table, no more."""
    row = await reads.fetchrow(_STANDING)
    if row is None:
        raise LookupError("the ledger has no head")
    since = row["records_until"] or 0
    unsealed = await reads.fetchrow(_UNSEALED, since, row["finished"], records)
    return Standing(
        head=row["head"],
        finished=row["finished"],
        number=row["number"] or 0,
        last_sequence=row["last_sequence"] or 0,
        records_until=since,
        hash=row["hash"].hex() if row["hash"] else NO_SEAL,
        sealed_at=row["sealed_at"],
        first=unsealed["first"] if unsealed else None,
        beyond=unsealed["beyond"] if unsealed else None,
    )


async def save_key(tx: Transaction, key: SealKey, used_at: datetime) -> None:
    """Keep the public key of a seal, unless it is known, so that the seal verifies after the key was changed."""
    await tx.execute(_SAVE_KEY, key.kid, key.public_key, used_at)


async def save_seal(tx: Transaction, seal: Seal, leaves: bytes) -> None:
    """Insert the next link of the chain."""
    await tx.execute(
        _SAVE,
        seal.number,
        seal.first_sequence,
        seal.last_sequence,
        seal.records_from,
        seal.records_until,
        leaves,
        bytes.fromhex(seal.root),
        bytes.fromhex(seal.previous),
        seal.sealed_at,
        seal.key_id,
        bytes.fromhex(seal.hash),
        bytes.fromhex(seal.signature),
    )


async def load_entry(reads: Reads, transfer_id: UUID, account_id: UUID) -> SealedEntry | None:
    """Return an account's side of a transfer, None when it has none."""
    row = await reads.fetchrow(_TRANSFER, transfer_id)
    if row is None or account_id not in {row["debit_account"], row["credit_account"]}:
        return None
    debits = account_id == row["debit_account"]
    return SealedEntry.model_validate(
        dict(row)
        | {
            "side": Side.DEBIT if debits else Side.CREDIT,
            "transfer_id": row["id"],
            "account_id": account_id,
            "counterparty": row["credit_account"] if debits else row["debit_account"],
            "balance_after": row["debit_balance"] if debits else row["credit_balance"],
            "fingerprint": row["fingerprint"].hex(),
            "metadata": orjson.loads(row["metadata"]) if row["metadata"] else None,
        }
    )


async def load_seal_of(reads: Reads, sequence: int) -> tuple[Seal, SealKey, bytes] | None:
    """Return the seal that covers a transfer, its key and its leaves; None when it is not sealed yet."""
    row = await reads.fetchrow(_SEALED, sequence)
    return (seal_of(row), SealKey.of(row["public_key"], row["first_used_at"]), row["leaves"]) if row else None


async def load_seals(reads: Reads, after: int, until: int) -> list[asyncpg.Record]:
    """Return the rows of the seals `after` < number <= `until`, each with its public key if it is there."""
    return await reads.fetch(_SEALS, after, until)


async def load_keys(reads: Reads) -> list[SealKey]:
    """Return the keys that have signed, oldest first, at most `KEYS_LIMIT`."""
    return [SealKey.of(row["public_key"], row["first_used_at"]) for row in await reads.fetch(_KEYS, KEYS_LIMIT)]


def seal_of(row: asyncpg.Record) -> Seal:
    """Return the seal of a row."""
    return Seal(
        number=row["number"],
        first_sequence=row["first_sequence"],
        last_sequence=row["last_sequence"],
        records_from=row["records_from"],
        records_until=row["records_until"],
        leaves=len(row["leaves"]) // 32,
        root=row["root"].hex(),
        previous=row["previous"].hex(),
        sealed_at=row["sealed_at"],
        key_id=row["key_id"],
        hash=row["hash"].hex(),
        signature=row["signature"].hex(),
    )
