"""The rules of matching as set-based statements: each pairs what the ones before it have left, one to one.

Duplicates pair in order: within what makes them equal, both sides are numbered. All statements of one reconciliation
run one at a time (`take_turn`), in few transactions of their own, and lock nothing that the ledger waits for.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import asyncpg

from apps.wallet.domain.reconciliation import Statement, offsets
from apps.wallet.domain.timeline import micros
from contracts.wallet import WINDOW_LIMIT
from outbox.database import Reads
from outbox.transaction import Transaction

STEP_SECONDS = 600.0
# 7001 to 7003 are those of safe delivery (outbox).
_TURN = 7011
_LOCK = "SELECT pg_advisory_xact_lock($1)"
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock($1)"
# Unlike everything else that a service does, a step reads a statement and its part of the books whole: by hash joins,
# since tables that have just been filled have no statistics to say how large they are.
_READ_WHOLE = """
SELECT set_config('statement_timeout', '600s', true), set_config('enable_seqscan', 'on', true),
       set_config('plan_cache_mode', 'force_custom_plan', true), set_config('work_mem', '96MB', true),
       set_config('enable_nestloop', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)
"""
_PLACES = """
SELECT coalesce((SELECT sequence FROM transfer WHERE posted_at < $1 ORDER BY posted_at DESC, sequence DESC LIMIT 1), 0)
           AS after,
       coalesce((SELECT sequence FROM transfer WHERE posted_at < $2 ORDER BY posted_at DESC, sequence DESC LIMIT 1), 0)
           AS until
"""
# What became effective in the period was posted in it, or later and dated back. An entry goes by the first of its names
# that the statement knows, and is nameless to it otherwise. What an earlier statement missed counts by its name alone,
# however old it is; each is looked up in `entry_match` by itself, which no join would do.
_GATHER = """
WITH moved AS (
    SELECT t.sequence, t.id, t.reference, t.journal_id, t.metadata, t.effective_at, -t.amount AS amount FROM transfer t
    WHERE t.debit_account = $2 AND t.sequence > $3 AND t.sequence <= $4
    UNION ALL
    SELECT t.sequence, t.id, t.reference, t.journal_id, t.metadata, t.effective_at, t.amount FROM transfer t
    WHERE t.credit_account = $2 AND t.sequence > $3 AND t.sequence <= $4
    UNION ALL
    SELECT t.sequence, t.id, t.reference, t.journal_id, t.metadata, t.effective_at,
           CASE t.debit_account WHEN $2 THEN -t.amount ELSE t.amount END
    FROM transfer t WHERE t.sequence = ANY(ARRAY(
        SELECT b.sequence FROM backdated_total b
        WHERE b.account_id = $2 AND b.level = 0 AND b.bucket >= $7 AND b.bucket < $8 AND b.sequence > $4))
), missed AS (
    SELECT t.sequence, t.id, t.reference, t.journal_id, t.metadata, t.effective_at,
           CASE t.debit_account WHEN $2 THEN -t.amount ELSE t.amount END AS amount
    FROM transfer t WHERE t.sequence = ANY(ARRAY(
        SELECT b.sequence FROM reconciliation r JOIN reconciliation_break b ON b.reconciliation_id = r.id
        WHERE r.account_id = $2 AND b.kind = 'entry_without_line'
          AND (SELECT count(*) FROM entry_match x WHERE x.account_id = $2 AND x.sequence = b.sequence) = 0))
), candidate AS (
    SELECT m.*, false AS is_by_name_only FROM moved m
    WHERE m.effective_at >= $5 AND m.effective_at < $6
      AND NOT EXISTS (SELECT FROM entry_match x WHERE x.account_id = $2 AND x.sequence > $3 AND x.sequence = m.sequence)
    UNION ALL
    SELECT m.*, true FROM missed m WHERE m.effective_at < $5 OR m.effective_at >= $6
), name AS MATERIALIZED (
    SELECT DISTINCT l.key FROM statement_line l WHERE l.reconciliation_id = $1 AND l.key IS NOT NULL
), gathered AS (
    INSERT INTO reconciled_entry (reconciliation_id, sequence, effective_on, amount, key)
    SELECT $1, c.sequence, (c.effective_at AT TIME ZONE 'UTC')::date, c.amount,
           coalesce(own.key, reference.key, journal.key, outside.key)
    FROM candidate c
    LEFT JOIN name own ON own.key = c.id
    LEFT JOIN name reference ON reference.key = c.reference
    LEFT JOIN name journal ON journal.key = c.journal_id
    LEFT JOIN name outside ON outside.key = reference_key(c.metadata ->> 'external_reference')
    WHERE NOT c.is_by_name_only OR coalesce(own.key, reference.key, journal.key, outside.key) IS NOT NULL
    ORDER BY c.sequence
    RETURNING 1
)
SELECT (SELECT count(*) FROM statement_line l WHERE l.reconciliation_id = $1) AS lines, count(*) AS entries
FROM gathered
"""
_OPEN = """
WITH line AS (
    SELECT l.number, l.booked_on, l.amount, l.key FROM statement_line l
    WHERE l.reconciliation_id = $1
      AND NOT EXISTS (SELECT FROM line_match m WHERE m.reconciliation_id = $1 AND m.number = l.number)
), entry AS (
    SELECT e.sequence, e.effective_on, e.amount, e.key FROM reconciled_entry e
    WHERE e.reconciliation_id = $1
      AND NOT EXISTS (
          SELECT FROM entry_match m WHERE m.account_id = $2 AND m.sequence = e.sequence
            AND m.sequence >= (SELECT min(o.sequence) FROM reconciled_entry o WHERE o.reconciliation_id = $1)
            AND m.sequence <= (SELECT max(o.sequence) FROM reconciled_entry o WHERE o.reconciliation_id = $1))
)
"""
# In the order of the primary keys: a million rows at the end of an index cost half of what they do all over it.
_SAVE = """
, line_matched AS (
    INSERT INTO line_match (reconciliation_id, number, sequence, rule)
    SELECT $1, number, min(sequence), $3::text FROM pair GROUP BY number ORDER BY number RETURNING 1
), entry_matched AS (
    INSERT INTO entry_match (account_id, sequence, reconciliation_id, number, rule)
    SELECT $2::uuid, sequence, $1, min(number), $3::text FROM pair GROUP BY sequence ORDER BY sequence RETURNING 1
)
SELECT (SELECT count(*) FROM line_matched) AS lines, (SELECT count(*) FROM entry_matched) AS entries
"""


def _on_what_is_open(*parts: str) -> str:
    return "".join((_OPEN, *parts))


def _rule(*pairing: str) -> str:
    """Return the statement that saves what `pairing`, expressions that end in `pair`, finds among what is open."""
    return _on_what_is_open(*pairing, _SAVE)


_EXACT = _rule(
    """
, pair AS MATERIALIZED (
    SELECT l.number, e.sequence
    FROM (SELECT *, row_number() OVER (PARTITION BY key, amount, booked_on ORDER BY number) AS nth
          FROM line WHERE key IS NOT NULL) l
    JOIN (SELECT *, row_number() OVER (PARTITION BY key, amount, effective_on ORDER BY sequence) AS nth
          FROM entry WHERE key IS NOT NULL) e
      ON e.key = l.key AND e.amount = -l.amount AND e.effective_on = l.booked_on AND e.nth = l.nth
)
"""
)
_REFERENCE = _rule(
    """
, pair AS MATERIALIZED (
    SELECT l.number, e.sequence
    FROM (SELECT *, row_number() OVER (PARTITION BY key, amount ORDER BY number) AS nth
          FROM line WHERE key IS NOT NULL) l
    JOIN (SELECT *, row_number() OVER (PARTITION BY key, amount ORDER BY sequence) AS nth
          FROM entry WHERE key IS NOT NULL) e
      ON e.key = l.key AND e.amount = -l.amount AND e.nth = l.nth
)
"""
)
_ONE_TO_MANY = _rule(
    """
, sum AS MATERIALIZED (
    SELECT key, sum(amount) AS amount FROM entry WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1
), one AS (
    SELECT l.key, min(l.number) AS number FROM line l JOIN sum s ON s.key = l.key AND s.amount = -l.amount
    GROUP BY l.key
), pair AS MATERIALIZED (SELECT one.number, e.sequence FROM one JOIN entry e ON e.key = one.key)
"""
)
_MANY_TO_ONE = _rule(
    """
, sum AS MATERIALIZED (
    SELECT key, sum(amount) AS amount FROM line WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1
), one AS (
    SELECT e.key, min(e.sequence) AS sequence FROM entry e JOIN sum s ON s.key = e.key AND s.amount = -e.amount
    GROUP BY e.key
), pair AS MATERIALIZED (SELECT l.number, one.sequence FROM one JOIN line l ON l.key = one.key)
"""
)
# Only what no reference speaks against: a line with the reference of an entry waits for that one.
_NAMELESS = """
, line_0 AS MATERIALIZED (
    SELECT l.number, l.booked_on, l.amount FROM line l
    WHERE l.key IS NULL OR NOT EXISTS (SELECT FROM reconciled_entry e WHERE e.reconciliation_id = $1 AND e.key = l.key)
), entry_0 AS MATERIALIZED (
    SELECT e.sequence, e.effective_on, e.amount FROM entry e WHERE e.key IS NULL
)
"""
_AT_OFFSET = """
, pair_{n} AS MATERIALIZED (
    SELECT l.number, e.sequence
    FROM (SELECT *, row_number() OVER (PARTITION BY amount, booked_on ORDER BY number) AS nth FROM line_{n}) l
    JOIN (SELECT *, row_number() OVER (PARTITION BY amount, effective_on ORDER BY sequence) AS nth FROM entry_{n}) e
      ON e.amount = -l.amount AND e.effective_on = l.booked_on + ({offset}) AND e.nth = l.nth
    WHERE abs({offset}) <= $4::integer
), line_{next} AS MATERIALIZED (
    SELECT * FROM line_{n} l WHERE NOT EXISTS (SELECT FROM pair_{n} p WHERE p.number = l.number)
), entry_{next} AS MATERIALIZED (
    SELECT * FROM entry_{n} e WHERE NOT EXISTS (SELECT FROM pair_{n} p WHERE p.sequence = e.sequence)
)
"""
_OFFSETS = tuple(offsets(WINDOW_LIMIT))
_AMOUNT_AND_DATE = _rule(
    _NAMELESS,
    *(_AT_OFFSET.format(n=n, next=n + 1, offset=offset) for n, offset in enumerate(_OFFSETS)),
    ", pair AS MATERIALIZED (",
    " UNION ALL ".join(f"TABLE pair_{n}" for n in range(len(_OFFSETS))),
    ")",
)
_BREAKS = _on_what_is_open(
    """
, found AS (
    SELECT l.number AS line, e.sequence, coalesce(l.amount, 0) + coalesce(e.amount, 0) AS difference, e.effective_on
    FROM (SELECT *, row_number() OVER (PARTITION BY key ORDER BY number) AS nth FROM line) l
    FULL JOIN (SELECT *, row_number() OVER (PARTITION BY key ORDER BY sequence) AS nth FROM entry) e
      ON e.key = l.key AND e.nth = l.nth
), broken AS (
    INSERT INTO reconciliation_break (reconciliation_id, number, kind, line, sequence, difference)
    SELECT $1, row_number() OVER (ORDER BY line NULLS LAST, sequence),
           CASE WHEN sequence IS NULL THEN 'line_without_entry' WHEN line IS NULL THEN 'entry_without_line'
                ELSE 'amount_differs' END,
           line, sequence, difference
    FROM found WHERE line IS NOT NULL OR effective_on BETWEEN $3 AND $4
    RETURNING line, sequence, difference
)
SELECT count(line) AS lines, count(sequence) AS entries, count(*) AS breaks, coalesce(sum(difference), 0) AS difference
FROM broken
"""
)
_STEPS_DONE = "SELECT coalesce(max(step), 0) FROM match_step WHERE reconciliation_id = $1"
_RECORD = """
INSERT INTO match_step (reconciliation_id, step, rule, lines, entries, finished_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp())
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What one step has matched or gathered."""

    lines: int
    entries: int


@dataclass(frozen=True, slots=True)
class Broken:
    """What has matched nothing, and how much all of it is, in the statement's sign."""

    found: Found
    breaks: int
    difference: int


async def take_turn(tx: Transaction) -> bool:
    """Tell whether nobody else matches or resolves; then nobody does before the transaction has ended."""
    return bool(await tx.fetchval(_TRY_LOCK, _TURN))


async def wait_for_turn(tx: Transaction) -> None:
    """Wait until nobody else matches or resolves: an entry is in one match only."""
    await tx.execute(_LOCK, _TURN)


async def read_whole(tx: Transaction) -> None:
    """Let the statements of this transaction take their time, and read tables whole."""
    await tx.fetchrow(_READ_WHOLE)


async def gather(tx: Transaction, statement: Statement) -> Found:
    """Record the entries that a statement is held against, each by the name by which the statement knows it."""
    first = _beginning(statement.starts_on, -statement.window_days)
    past = _beginning(statement.ends_on, statement.window_days + 1)
    places = await tx.fetchrow(_PLACES, first, past)
    after, until = places or (0, 0)
    span = after, until, first, past, micros(first), micros(past)
    return _found(await tx.fetchrow(_GATHER, statement.id, statement.account_id, *span, seconds=STEP_SECONDS))


def _beginning(day: date, later: int) -> datetime:
    """Return the first instant some days later. A statement is of the years 1970 to 2100."""
    return datetime.combine(day + timedelta(days=later), time(), UTC)


async def match_exact(tx: Transaction, statement: Statement, rule: str) -> Found:
    """Pair lines and entries of one reference, amount and day."""
    return await _matched(tx, _EXACT, statement, rule)


async def match_reference(tx: Transaction, statement: Statement, rule: str) -> Found:
    """Pair lines and entries of one reference and amount."""
    return await _matched(tx, _REFERENCE, statement, rule)


async def match_one_to_many(tx: Transaction, statement: Statement, rule: str) -> Found:
    """Give a line all entries of its reference, if they add up to it."""
    return await _matched(tx, _ONE_TO_MANY, statement, rule)


async def match_many_to_one(tx: Transaction, statement: Statement, rule: str) -> Found:
    """Give an entry all lines of its reference, if they add up to it."""
    return await _matched(tx, _MANY_TO_ONE, statement, rule)


async def match_amount(tx: Transaction, statement: Statement, rule: str) -> Found:
    """Pair lines and entries of one amount that are a few days apart, the closest first."""
    return await _matched(tx, _AMOUNT_AND_DATE, statement, rule, statement.window_days)


async def list_what_is_left(tx: Transaction, statement: Statement) -> Broken:
    """Record the breaks: lines, and entries of the period, that nothing has matched."""
    parameters = statement.id, statement.account_id, statement.starts_on, statement.ends_on
    row = await tx.fetchrow(_BREAKS, *parameters, seconds=STEP_SECONDS)
    assert row is not None  # noqa: S101 - an aggregate has a row
    return Broken(_found(row), row["breaks"], int(row["difference"]))


async def load_steps_done(reads: Reads, reconciliation: UUID) -> int:
    """Return how many steps of a matching are done."""
    return int(await reads.fetchval(_STEPS_DONE, reconciliation))


async def save_step(tx: Transaction, reconciliation: UUID, step: int, rule: str, found: Found) -> None:
    """Record a step that is done."""
    await tx.execute(_RECORD, reconciliation, step, rule, found.lines, found.entries)


async def _matched(tx: Transaction, query: str, statement: Statement, rule: str, *more: object) -> Found:
    row = await tx.fetchrow(query, statement.id, statement.account_id, rule, *more, seconds=STEP_SECONDS)
    return _found(row)


def _found(row: asyncpg.Record | None) -> Found:
    return Found(row["lines"], row["entries"]) if row else Found(0, 0)
