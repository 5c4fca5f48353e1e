"""Posted transfers, entries, journals and refusals, as they are read."""

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg
import orjson

from apps.wallet.domain.refusal import Refusal
from apps.wallet.domain.transfer import Exchange, Posted, PostedJournal, Refused
from outbox.database import Reads

_TRANSFERS = """
SELECT id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence, posted_at, debit_balance,
       credit_balance, effective_at, journal_id, hold_id, reverses, reversed_total, metadata
FROM transfer WHERE id = ANY($1::uuid[])
"""
# Account and sequence as one key, as in apps.wallet.store.history: whatever the planner thinks of the account.
_OF_ACCOUNT = """
SELECT * FROM (
    (SELECT id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence, posted_at,
            debit_balance, credit_balance, effective_at, journal_id, hold_id, reverses, reversed_total, metadata
     FROM transfer
     WHERE (debit_account, sequence) >= ($1::uuid, 1) AND (debit_account, sequence) < ($1::uuid, $2::bigint)
     ORDER BY debit_account DESC, sequence DESC LIMIT $3)
    UNION ALL
    (SELECT id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence, posted_at,
            debit_balance, credit_balance, effective_at, journal_id, hold_id, reverses, reversed_total, metadata
     FROM transfer
     WHERE (credit_account, sequence) >= ($1::uuid, 1) AND (credit_account, sequence) < ($1::uuid, $2::bigint)
     ORDER BY credit_account DESC, sequence DESC LIMIT $3)
) t ORDER BY sequence DESC LIMIT $3
"""
_ENTRIES = """
SELECT sequence, account_id, transfer_id, amount, balance_after, posted_at, effective_at FROM entry
WHERE (account_id, sequence) >= ($1::uuid, 1) AND (account_id, sequence) < ($1::uuid, $2::bigint)
ORDER BY account_id DESC, sequence DESC LIMIT $3
"""
_REVERSED = """
SELECT DISTINCT ON (reverses) reverses, reversed_total FROM transfer
WHERE reverses = ANY($1::uuid[]) ORDER BY reverses, reversed_total DESC
"""
_JOURNALS = """
SELECT id, first_sequence, transfers, reference, metadata, fingerprint, posted_at
FROM journal WHERE id = ANY($1::uuid[])
"""
_OF_JOURNALS = """
SELECT t.id, debit_account, credit_account, amount, currency, t.reference, t.fingerprint, sequence, t.posted_at,
       debit_balance, credit_balance, effective_at, journal_id, hold_id, reverses, reversed_total, t.metadata
FROM journal j JOIN transfer t ON t.sequence >= j.first_sequence AND t.sequence < j.first_sequence + j.transfers
WHERE j.id = ANY($1::uuid[]) ORDER BY sequence
"""
_COUNT_OF_JOURNALS = """
SELECT coalesce(sum(transfers), 0) FROM journal WHERE id = ANY($1::uuid[])
"""
_EXCHANGES = """
SELECT e.journal_id, sell_transfer, buy_transfer, rate FROM exchange e JOIN transfer t ON t.id = e.sell_transfer
WHERE e.journal_id = ANY($1::uuid[]) ORDER BY t.sequence
"""
_REFUSALS = """
SELECT id, reference, fingerprint, code, refused_at, leg FROM refusal WHERE id = ANY($1::uuid[])
"""
_TAKEN = """
SELECT id FROM transfer WHERE id = ANY($1::uuid[]) UNION ALL SELECT id FROM refusal WHERE id = ANY($1::uuid[])
"""
# Above every sequence that the ledger can give.
_END = 2**63 - 1


async def load_taken(reads: Reads, ids: Collection[UUID]) -> set[UUID]:
    """Return those ids that transfers or refusals have: few, as most that are asked for are new."""
    return {row["id"] for row in await reads.fetch(_TAKEN, list(ids))} if ids else set()


async def load_transfers(reads: Reads, ids: Collection[UUID]) -> dict[UUID, Posted]:
    """Return those transfers that are posted, by id."""
    return {row["id"]: _posted(row) for row in await reads.fetch(_TRANSFERS, list(ids))} if ids else {}


async def load_transfers_of(reads: Reads, account: UUID, before: int | None, limit: int) -> list[Posted]:
    """Return the transfers from and to an account, newest first, those with a sequence below `before`."""
    return [_posted(row) for row in await reads.fetch(_OF_ACCOUNT, account, _END if before is None else before, limit)]


async def load_entries(reads: Reads, account: UUID, before: int | None, limit: int) -> list[asyncpg.Record]:
    """Return an account's entries, newest first, those with a sequence below `before`."""
    return await reads.fetch(_ENTRIES, account, _END if before is None else before, limit)


async def load_reversed(reads: Reads, ids: Collection[UUID]) -> dict[UUID, int]:
    """Return how much of some transfers is taken back; those of which nothing is are left out."""
    return {row["reverses"]: row["reversed_total"] for row in await reads.fetch(_REVERSED, list(ids))} if ids else {}


async def load_journals(reads: Reads, ids: Sequence[UUID]) -> dict[UUID, PostedJournal]:
    """Return those journals that are posted, by id."""
    journals = await reads.fetch(_JOURNALS, ids) if ids else []
    if not journals:
        return {}
    known = [journal["id"] for journal in journals]
    transfers = [_posted(row) for row in await reads.fetch(_OF_JOURNALS, known)]
    exchanges = await reads.fetch(_EXCHANGES, known)
    return {
        j["id"]: PostedJournal(
            j["id"],
            tuple(t for t in transfers if t.journal_id == j["id"]),
            tuple(Exchange(*row[1:]) for row in exchanges if row["journal_id"] == j["id"]),
            j["reference"],
            orjson.loads(j["metadata"]) if j["metadata"] else None,
            j["fingerprint"],
            j["posted_at"],
        )
        for j in journals
    }


async def count_of_journals(reads: Reads, ids: Sequence[UUID]) -> int:
    """Return how many transfers some journals have together; those that are not posted have none."""
    return int(await reads.fetchval(_COUNT_OF_JOURNALS, ids))


async def load_refusals(reads: Reads, ids: Collection[UUID]) -> dict[UUID, Refused]:
    """Return those operations that were refused, by id."""
    rows = await reads.fetch(_REFUSALS, list(ids)) if ids else []
    return {row["id"]: Refused(row[0], row[1], row[2], Refusal(row["code"]), row[4], row["leg"]) for row in rows}


def _posted(row: asyncpg.Record) -> Posted:
    *facts, metadata = row
    return Posted._make((*facts, orjson.loads(metadata) if metadata else None))
