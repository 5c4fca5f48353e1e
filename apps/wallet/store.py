"""Every SQL statement of the wallet."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import asyncpg

from apps.wallet.domain.account import Account, Kind, new_clearing
from apps.wallet.domain.posting import Books, Decided, Posting
from apps.wallet.domain.refusal import Refusal
from apps.wallet.domain.transfer import Outcome, Posted, Refused, TransferRequest
from contracts.ids import new_id
from outbox.database import Reads, columns
from outbox.transaction import Transaction

# A statement of its own: what is read after it is what the writer before has committed.
_LOCK_LEDGER = "SELECT sequence FROM ledger WHERE id = 1 FOR UPDATE"
_ACCOUNTS = """
SELECT id, kind, owner, currency, balance, floor, last_sequence, created_at FROM account WHERE id = ANY($1::uuid[])
"""
_TOUCHED = """
SELECT id, kind, owner, currency, balance, floor, last_sequence, created_at FROM account WHERE id = ANY($1::uuid[])
UNION ALL
SELECT id, kind, owner, currency, balance, floor, last_sequence, created_at FROM account
WHERE kind = 'clearing' AND currency = ANY($2::text[]) AND id <> ALL($1::uuid[])
"""
_OWNED = """
SELECT id, kind, owner, currency, balance, floor, last_sequence, created_at FROM account
WHERE owner = $1 ORDER BY created_at, id LIMIT $2
"""
_KNOWN = """
SELECT id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence, posted_at AS decided_at,
       NULL AS code
FROM transfer WHERE id = ANY($1::uuid[])
UNION ALL
SELECT id, NULL, NULL, NULL, NULL, reference, fingerprint, NULL, refused_at, code
FROM refused_transfer WHERE id = ANY($1::uuid[])
"""
_ENTRIES = """
SELECT sequence, account_id, transfer_id, amount, balance_after, posted_at FROM entry
WHERE account_id = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3
"""
_OPEN = """
INSERT INTO account (id, kind, owner, currency, floor, created_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::timestamptz[])
"""
# One statement, because the database verifies at its end that transfers, entries, balances and head agree.
_POST = """
WITH batch AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::uuid[], $7::bytea[],
                         $8::bigint[], $9::timestamptz[], $10::bigint[], $11::bigint[])
    AS posting (id, debit_account, credit_account, amount, currency, reference, fingerprint,
                sequence, posted_at, debit_balance, credit_balance)
), posted AS (
    INSERT INTO transfer (id, debit_account, credit_account, amount, currency, reference, fingerprint,
                          sequence, posted_at)
    SELECT id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence, posted_at FROM batch
), entered AS (
    INSERT INTO entry (account_id, sequence, transfer_id, amount, balance_after, posted_at)
    SELECT debit_account, sequence, id, -amount, debit_balance, posted_at FROM batch
    UNION ALL
    SELECT credit_account, sequence, id, amount, credit_balance, posted_at FROM batch
), moved AS (
    UPDATE account SET balance = after.balance, last_sequence = after.sequence
    FROM unnest($12::uuid[], $13::bigint[], $14::bigint[]) AS after (id, balance, sequence)
    WHERE account.id = after.id
)
UPDATE ledger SET sequence = $15 WHERE id = 1
"""
_REFUSE = """
INSERT INTO refused_transfer (id, reference, fingerprint, code, detail, refused_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::text[], $5::text[], $6::timestamptz[])
"""
# Above every sequence that the ledger can give.
_END = 2**63 - 1


async def load_accounts(reads: Reads, ids: Collection[UUID]) -> dict[UUID, Account]:
    """Return those accounts that exist, by id."""
    return _by_id(await reads.fetch(_ACCOUNTS, list(ids)))


async def load_wallets(reads: Reads, owner: UUID, limit: int) -> list[Account]:
    """Return an owner's wallets, oldest first."""
    return [_account(row) for row in await reads.fetch(_OWNED, owner, limit)]


async def load_outcomes(reads: Reads, ids: Collection[UUID]) -> dict[UUID, Outcome]:
    """Return what has become of those transfers that were decided, by id."""
    return {row["id"]: _outcome(row) for row in await reads.fetch(_KNOWN, list(ids))}


async def load_entries(reads: Reads, account: UUID, before: int | None, limit: int) -> list[asyncpg.Record]:
    """Return an account's entries, newest first, those with a sequence below `before`."""
    return await reads.fetch(_ENTRIES, account, _END if before is None else before, limit)


async def load_books(tx: Transaction, requests: Sequence[TransferRequest]) -> Books:
    """Lock the ledger's head, then read all that the requests touch: no one else moves a balance before the commit."""
    sequence = await tx.fetchval(_LOCK_LEDGER)
    ids = {r.credit_account for r in requests} | {r.debit_account for r in requests if r.debit_account}
    funded = sorted({r.currency for r in requests if r.debit_account is None})
    accounts = _by_id(await tx.fetch(_TOUCHED, sorted(ids), funded))
    clearing = {a.currency: a.id for a in accounts.values() if a.kind is Kind.CLEARING}
    unopened = [new_clearing(new_id(), currency, tx.now) for currency in funded if currency not in clearing]
    return Books(
        sequence=sequence,
        accounts=accounts | {a.id: a for a in unopened},
        clearing=clearing | {a.currency: a.id for a in unopened},
        unopened=frozenset(a.id for a in unopened),
        known=await load_outcomes(tx, {r.id for r in requests}),
    )


async def save_accounts(tx: Transaction, accounts: Iterable[Account]) -> None:
    """Insert new, empty accounts."""
    rows = [(a.id, a.kind.value, a.owner, a.currency, a.floor, a.created_at) for a in accounts]
    if rows:
        await tx.execute(_OPEN, *columns(rows, 6))


async def save_decided(tx: Transaction, decided: Decided) -> None:
    """Write what is new: postings with their entries, balances and the head; refusals; accounts that they opened."""
    await save_accounts(tx, decided.opened)
    if decided.postings:
        postings = columns([_posting_row(p) for p in decided.postings], 11)
        balances = sorted((account, b.balance, b.sequence) for account, b in decided.balances.items())
        await tx.execute(_POST, *postings, *columns(balances, 3), decided.sequence)
    if decided.refusals:
        rows = [
            (r.id, r.reference, r.fingerprint, r.refusal.value, r.refusal.detail, r.refused_at)
            for r in decided.refusals
        ]
        await tx.execute(_REFUSE, *columns(rows, 6))


def _posting_row(posting: Posting) -> tuple[object, ...]:
    t = posting.transfer
    return (
        t.id,
        t.debit_account,
        t.credit_account,
        t.amount,
        t.currency,
        t.reference,
        t.fingerprint,
        t.sequence,
        t.posted_at,
        posting.debit_balance,
        posting.credit_balance,
    )


def _by_id(rows: Iterable[asyncpg.Record]) -> dict[UUID, Account]:
    return {row["id"]: _account(row) for row in rows}


def _account(row: asyncpg.Record) -> Account:
    identifier, kind, *rest = row
    return Account(identifier, Kind(kind), *rest)


def _outcome(row: asyncpg.Record) -> Outcome:
    if row["code"] is not None:
        return Refused(row["id"], row["reference"], row["fingerprint"], Refusal(row["code"]), row["decided_at"])
    *transfer, _code = row
    return Posted(*transfer)
