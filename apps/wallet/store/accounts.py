"""Accounts: read, open and change them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from apps.wallet.domain.account import Account, AccountState
from apps.wallet.domain.change import Change
from contracts.wallet import AccountKind
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_ACCOUNTS = """
SELECT id, owner, kind, currency, balance, floor, last_sequence, created_at, type, wallet, held, hold_steps, ceiling,
       frozen, closed_at, processor, external_id, metadata, changes
FROM account WHERE id = ANY($1::uuid[])
"""
_STATES = """
SELECT id, owner, currency, balance, floor, last_sequence, held, hold_steps, ceiling, frozen, closed_at
FROM account WHERE id = ANY($1::uuid[])
"""
_NAMED = """
SELECT id, owner, kind, currency, balance, floor, last_sequence, created_at, type, wallet, held, hold_steps, ceiling,
       frozen, closed_at, processor, external_id, metadata, changes
FROM account WHERE external_id = ANY($1::text[])
"""
_SYSTEM = """
SELECT a.id, owner, a.kind, a.currency, balance, floor, last_sequence, created_at, type, wallet, held, hold_steps,
       ceiling, frozen, closed_at, a.processor, external_id, metadata, changes
FROM unnest($1::text[], $2::text[], $3::text[]) AS named (kind, currency, processor)
JOIN account a ON a.kind = named.kind AND a.currency = named.currency
     AND a.processor IS NOT DISTINCT FROM named.processor AND a.kind IN ('clearing', 'fees', 'suspense', 'fx')
"""
_OWNED = """
SELECT id, owner, kind, currency, balance, floor, last_sequence, created_at, type, wallet, held, hold_steps, ceiling,
       frozen, closed_at, processor, external_id, metadata, changes
FROM account WHERE owner = $1 ORDER BY created_at, id LIMIT $2
"""
_OF_WALLETS = """
SELECT id, owner, kind, currency, balance, floor, last_sequence, created_at, type, wallet, held, hold_steps, ceiling,
       frozen, closed_at, processor, external_id, metadata, changes
FROM account WHERE wallet = ANY($1::uuid[])
"""
_CHART = """
SELECT id, owner, kind, currency, balance, floor, last_sequence, created_at, type, wallet, held, hold_steps, ceiling,
       frozen, closed_at, processor, external_id, metadata, changes
FROM account
WHERE (created_at, id) > ($1::timestamptz, $2::uuid) AND ($3::text IS NULL OR kind = $3)
  AND ($4::text IS NULL OR currency = $4)
ORDER BY created_at, id LIMIT $5
"""
# The system's own accounts are few among millions of wallets: all of them first, by the index that has no others.
_OWN_CHART = """
WITH own AS MATERIALIZED (
    SELECT id, owner, kind, currency, balance, floor, last_sequence, created_at, type, wallet, held, hold_steps,
           ceiling, frozen, closed_at, processor, external_id, metadata, changes
    FROM account WHERE kind <> 'wallet'
)
SELECT * FROM own
WHERE (created_at, id) > ($1::timestamptz, $2::uuid) AND kind = $3 AND ($4::text IS NULL OR currency = $4)
ORDER BY created_at, id LIMIT $5
"""
# What holds reserve that are over but not swept: they have reserved nothing since then.
_DUE = """
SELECT debit_account, sum(remaining)::bigint AS due FROM hold
WHERE debit_account = ANY($1::uuid[]) AND remaining > 0 AND expires_at <= $2 GROUP BY debit_account
"""
_OPEN = """
INSERT INTO account (id, owner, kind, currency, floor, created_at, type, wallet, ceiling, processor, external_id,
                     metadata)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::text[],
                     $8::uuid[], $9::bigint[], $10::text[], $11::text[], $12::jsonb[])
"""
# The two go together: a change that is not recorded with its reason is refused by the database.
_CHANGE = """
WITH recorded AS (
    INSERT INTO account_change (account_id, number, floor, ceiling, frozen, closed_at, external_id, metadata,
                                changed_by, reason, changed_at)
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::timestamptz[],
                         $7::text[], $8::jsonb[], $9::uuid[], $10::text[], $11::timestamptz[])
)
UPDATE account SET changes = c.number, floor = c.floor, ceiling = c.ceiling, frozen = c.frozen,
                   closed_at = c.closed_at, external_id = c.external_id, metadata = c.metadata
FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::timestamptz[], $7::text[],
            $8::jsonb[]) AS c (id, number, floor, ceiling, frozen, closed_at, external_id, metadata)
WHERE account.id = c.id
"""


async def load_accounts(reads: Reads, ids: Collection[UUID]) -> dict[UUID, Account]:
    """Return those accounts that exist, by id."""
    return by_id(await reads.fetch(_ACCOUNTS, list(ids)))


async def load_states(reads: Reads, ids: Collection[UUID]) -> dict[UUID, AccountState]:
    """Return how those accounts stand that exist, by id."""
    return {state.id: state for state in map(AccountState._make, await reads.fetch(_STATES, list(ids)))}


async def load_system_accounts(reads: Reads, names: Sequence[tuple[str, str, str | None]]) -> dict[UUID, Account]:
    """Return those of the system's accounts that exist, by id; each name is kind, currency and processor."""
    return by_id(await reads.fetch(_SYSTEM, *columns(names, 3))) if names else {}


async def load_named_accounts(reads: Reads, external_ids: Collection[str]) -> dict[UUID, Account]:
    """Return those accounts that have one of the external ids, by id."""
    return by_id(await reads.fetch(_NAMED, list(external_ids))) if external_ids else {}


async def load_wallets(reads: Reads, owner: UUID, limit: int) -> list[Account]:
    """Return an owner's wallets, oldest first."""
    return [account_of(row) for row in await reads.fetch(_OWNED, owner, limit)]


async def load_accounts_of_wallets(reads: Reads, wallets: Collection[UUID]) -> list[Account]:
    """Return the accounts of some wallets, one for each currency that a wallet has."""
    return [account_of(row) for row in await reads.fetch(_OF_WALLETS, list(wallets))] if wallets else []


async def load_chart(
    reads: Reads, after: tuple[datetime, UUID], kind: str | None, currency: str | None, limit: int
) -> list[Account]:
    """Return accounts by age, those younger than (`created_at`, `id`)."""
    query = _OWN_CHART if kind not in {None, AccountKind.WALLET} else _CHART
    return [account_of(row) for row in await reads.fetch(query, *after, kind, currency, limit)]


async def load_due(reads: Reads, accounts: Collection[Account], now: datetime) -> dict[UUID, int]:
    """Return by account what of `held` is reserved no more, because the time of the holds is over."""
    holding = [a.id for a in accounts if a.held]
    rows = await reads.fetch(_DUE, holding, now) if holding else []
    return {row["debit_account"]: row["due"] for row in rows}


async def save_accounts(tx: Transaction, accounts: Iterable[Account]) -> None:
    """Insert new, empty accounts."""
    rows = [
        (a.id, a.owner, a.kind, a.currency, a.floor, a.created_at, a.type, a.wallet, a.ceiling, a.processor,
         a.external_id, _json(a.metadata))
        for a in accounts
    ]  # fmt: skip
    if rows:
        await tx.execute(_OPEN, *columns(rows, 12))


async def save_changes(tx: Transaction, changes: Sequence[Change]) -> None:
    """Record changes and apply them; at most one for each account."""
    rows = [
        (c.after.id, c.after.changes, c.after.floor, c.after.ceiling, c.after.frozen, c.after.closed_at,
         c.after.external_id, _json(c.after.metadata), c.changed_by, c.reason, c.changed_at)
        for c in changes
    ]  # fmt: skip
    if rows:
        await tx.execute(_CHANGE, *columns(rows, 11))


def by_id(rows: Iterable[asyncpg.Record]) -> dict[UUID, Account]:
    """Return the accounts of some rows, by id."""
    return {row["id"]: account_of(row) for row in rows}


def account_of(row: asyncpg.Record) -> Account:
    """Return the account of a row that has all its columns in the order of `Account`."""
    *facts, metadata, changes = row
    return Account._make((*facts, {} if metadata == "{}" else orjson.loads(metadata), changes))


def _json(metadata: object) -> str:
    return orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS).decode()
