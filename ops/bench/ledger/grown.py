"""Grows a copy of the ledger to millions of entries, directly, with rows as the handler would have written them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from ops.stack.postgres import SUPERUSER, Postgres

DATABASE = "wallet_grown"
_CONNECT_SECONDS = 5.0
_STATEMENT_SECONDS = 1800.0
_ROUNDS_AT_ONCE_ROWS = 100_000
# Without triggers, as a replica would write: the rows are consistent by construction, and audited afterwards.
_SESSION = {"session_replication_role": "replica", "synchronous_commit": "off", "timezone": "UTC"}

_COPY = (
    f"CREATE DATABASE {DATABASE} TEMPLATE wallet OWNER wallet_owner",
    f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
    f"GRANT CONNECT ON DATABASE {DATABASE} TO wallet",
)
_PLAN = """
CREATE TEMPORARY TABLE plan AS
SELECT l.sequence AS base, l.moved_at AS starts_at, clock_timestamp() AS ends_at,
       (SELECT count(*) FROM account WHERE kind = 'wallet') AS accounts
FROM ledger l
"""
_PAYERS = """
CREATE TEMPORARY TABLE payer AS
SELECT row_number() OVER (ORDER BY id) - 1 AS number, id, balance FROM account WHERE kind = 'wallet'
"""
_PAYERS_KEY = "CREATE UNIQUE INDEX ON payer (number)"
# In each round every account pays one other and is paid by one, so that it ends where it began; which of the two is the
# first follows from the accounts' numbers alone, and so do all balances. 500 transfers share an instant.
_ROUNDS = """
INSERT INTO transfer (id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence, posted_at,
                      effective_at, debit_balance, credit_balance)
SELECT t.id, debit.id, credit.id, 1, 'EUR', t.id, sha256(uuid_send(t.id)), t.sequence, t.moment, t.moment,
       debit.balance - CASE WHEN t.payer < t.shift THEN 1 ELSE 0 END,
       credit.balance + CASE WHEN t.payer < t.accounts - t.shift THEN 1 ELSE 0 END
FROM (
    SELECT uuidv7() AS id, p.accounts, 1 + r % (p.accounts - 1) AS shift, i AS payer,
           p.base + r * p.accounts + i + 1 AS sequence,
           p.starts_at + ((r * p.accounts + i) / 500 + 1) * (p.ends_at - p.starts_at) / ($3 * p.accounts / 500 + 1)
           AS moment
    FROM plan p, generate_series($1::bigint, $2::bigint) AS r, generate_series(0, p.accounts - 1) AS i
) t
JOIN payer debit ON debit.number = t.payer
JOIN payer credit ON credit.number = (t.payer + t.shift) % t.accounts
ORDER BY t.sequence
"""
_NEWEST = """
UPDATE account a SET last_sequence = (
    SELECT e.sequence FROM entry e WHERE e.account_id = a.id ORDER BY e.sequence DESC LIMIT 1)
WHERE a.kind = 'wallet'
"""
_HEAD = """
UPDATE ledger SET (sequence, moved_at) = (SELECT sequence, posted_at FROM transfer ORDER BY sequence DESC LIMIT 1)
"""
_ENTRIES = "SELECT 2 * sequence FROM ledger"


async def copy_of_the_ledger(postgres: Postgres) -> None:
    """Copy the wallet's database, to which nobody may be connected, with the same rights."""
    admin = await asyncpg.connect(postgres.superuser_url(), timeout=_CONNECT_SECONDS)
    try:
        for statement in _COPY:
            await admin.execute(statement, timeout=_STATEMENT_SECONDS)
    finally:
        await admin.close(timeout=_CONNECT_SECONDS)


async def grow(postgres: Postgres, entries: int, advance: Callable[[int], object]) -> None:
    """Add whole rounds of transfers to the copy until it has about `entries`; `advance` hears of entries written."""
    async with _superuser(postgres) as connection:
        for statement in (_PLAN, _PAYERS, _PAYERS_KEY, "ANALYZE payer"):
            await connection.execute(statement)
        accounts = await connection.fetchval("SELECT accounts FROM plan")
        missing = max(0, entries - await connection.fetchval(_ENTRIES))
        rounds = max(1, round(missing / 2 / accounts))
        at_once = max(1, _ROUNDS_AT_ONCE_ROWS // accounts)
        for first in range(0, rounds, at_once):
            last = min(first + at_once, rounds) - 1
            await connection.execute(_ROUNDS, first, last, rounds, timeout=_STATEMENT_SECONDS)
            advance(2 * (last + 1 - first) * accounts)
        for statement in (_NEWEST, _HEAD, "VACUUM ANALYZE", "CHECKPOINT"):
            await connection.execute(statement, timeout=_STATEMENT_SECONDS)


def url_of_the_copy(postgres: Postgres, user: str = "wallet") -> str:
    """Return the copy's URL for a service's role, or the superuser."""
    url = postgres.superuser_url() if user == SUPERUSER else postgres.service_url(user)
    return urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))


@asynccontextmanager
async def _superuser(postgres: Postgres) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    url = url_of_the_copy(postgres, SUPERUSER)
    connection = await asyncpg.connect(url, timeout=_CONNECT_SECONDS, server_settings=_SESSION)
    try:
        yield connection
    finally:
        await connection.close(timeout=_CONNECT_SECONDS)
