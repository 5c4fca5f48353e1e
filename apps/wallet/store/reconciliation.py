"""Reconciliations as they are stored: the statement's lines, its breaks, and their resolutions."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from apps.wallet.domain.reconciliation import OpenBreak, Statement, reference_key
from apps.wallet.store.matching import Broken
from contracts.wallet import ExternalLine, ReconciliationStatus, StartReconciliation
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_START = """
INSERT INTO reconciliation (id, account_id, currency, name, starts_on, ends_on, window_days, may_overlap,
                            opening, closing, created_by, created_at, status)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'importing')
"""
_STATEMENT = """
SELECT id, account_id, currency, starts_on, ends_on, window_days, may_overlap, opening, closing, status, open_breaks
FROM reconciliation WHERE id = $1
"""
_LOCK_FOR_IMPORT = _STATEMENT + " FOR SHARE"
_LOCK = _STATEMENT + " FOR UPDATE"
_NEXT_TO_MATCH = "SELECT id FROM reconciliation WHERE status = 'matching' ORDER BY id LIMIT 1"
_LOCK_NEXT_TO_MATCH = """
SELECT id, account_id, currency, starts_on, ends_on, window_days, may_overlap, opening, closing, status, open_breaks
FROM reconciliation WHERE status = 'matching' ORDER BY id LIMIT 1 FOR UPDATE
"""
# What is still being imported has matched nothing, and what failed is not held against anybody.
_OVERLAPS = """
SELECT EXISTS (SELECT FROM reconciliation WHERE account_id = $1 AND id <> $2 AND starts_on <= $4 AND ends_on >= $3
                                            AND status IN ('matching', 'matched', 'closed'))
"""
_PERIODS = 7012
_LOCK_PERIODS = "SELECT pg_advisory_xact_lock($1)"
_IMPORT = """
WITH imported AS (
    INSERT INTO statement_line (reconciliation_id, number, booked_on, amount, reference, key, description, external_id)
    SELECT $1, * FROM unnest($2::integer[], $3::date[], $4::bigint[], $5::text[], $6::uuid[], $7::text[], $8::text[])
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT count(*) FROM imported
"""
_SAME = """
SELECT count(*) FROM statement_line s
JOIN unnest($2::integer[], $3::date[], $4::bigint[], $5::text[], $6::uuid[], $7::text[], $8::text[])
    AS l (number, booked_on, amount, reference, key, description, external_id)
    ON s.reconciliation_id = $1 AND s.number = l.number
WHERE (s.booked_on, s.amount, s.reference, s.description, s.external_id)
      IS NOT DISTINCT FROM (l.booked_on, l.amount, l.reference, l.description, l.external_id)
"""
_COUNTED = """
SELECT count(*) AS lines, coalesce(max(number), 0) AS last, coalesce(sum(amount), 0) AS total
FROM statement_line WHERE reconciliation_id = $1
"""
_TO_MATCH = "UPDATE reconciliation SET status = 'matching', lines = $2, failure = NULL WHERE id = $1"
_GATHERED = "UPDATE reconciliation SET entries = $2 WHERE id = $1"
_MATCHED = """
UPDATE reconciliation SET matched_at = $2, breaks = $3, open_breaks = $3, open_difference = $4,
                          status = CASE $3::integer WHEN 0 THEN 'closed' ELSE 'matched' END
WHERE id = $1
"""
_FAILED = "UPDATE reconciliation SET status = 'failed', failure = $2 WHERE id = $1"
_SHOWN = """
SELECT r.id, r.account_id, r.currency, r.name, r.starts_on, r.ends_on, r.window_days, r.opening, r.closing, r.status,
       r.created_by, r.created_at, r.lines, r.entries, r.matched_at, r.breaks, r.open_breaks, r.open_difference,
       r.failure,
       (SELECT json_agg(json_build_object('rule', m.rule, 'lines', m.lines, 'entries', m.entries) ORDER BY m.first)
        FROM (SELECT s.rule, sum(s.lines) AS lines, sum(s.entries) AS entries, min(s.step) AS first
              FROM match_step s WHERE s.reconciliation_id = r.id GROUP BY s.rule) m)::text AS matched
FROM reconciliation r
"""
_ONE = _SHOWN + " WHERE r.id = $1"
_ALL = _SHOWN + " WHERE r.id < $1 ORDER BY r.id DESC LIMIT $2"
_OF_ACCOUNT = _SHOWN + " WHERE r.account_id = $3 AND r.id < $1 ORDER BY r.id DESC LIMIT $2"
_BREAKS = """
SELECT b.reconciliation_id, b.number, b.kind, b.difference, b.line, b.sequence,
       l.booked_on, l.amount AS line_amount, l.reference AS line_reference, l.description, l.external_id,
       t.id AS transfer_id, t.reference, t.amount, t.debit_account = r.account_id AS debits,
       CASE WHEN t.debit_account = r.account_id THEN t.credit_account ELSE t.debit_account END AS counterparty,
       (t.effective_at AT TIME ZONE 'UTC')::date AS effective_on,
       s.note, s.transfer_id AS resolved_with, s.resolved_by, s.resolved_at,
       CASE WHEN m.rule <> 'resolution' THEN m.reconciliation_id END AS matched_later_by
FROM reconciliation_break b
JOIN reconciliation r ON r.id = b.reconciliation_id
LEFT JOIN statement_line l ON l.reconciliation_id = b.reconciliation_id AND l.number = b.line
LEFT JOIN transfer t ON t.sequence = b.sequence
LEFT JOIN break_resolution s ON s.reconciliation_id = b.reconciliation_id AND s.number = b.number
LEFT JOIN entry_match m ON m.account_id = r.account_id AND m.sequence = b.sequence
WHERE b.reconciliation_id = $1 AND b.number > $2 AND (NOT $3 OR s.number IS NULL)
ORDER BY b.number LIMIT $4
"""
_OPEN_BREAK = """
SELECT b.reconciliation_id, b.number, b.line, b.sequence, b.difference,
       EXISTS (SELECT FROM break_resolution s WHERE s.reconciliation_id = $1 AND s.number = $2) AS is_resolved,
       EXISTS (SELECT FROM entry_match m WHERE m.account_id = $3 AND m.sequence = b.sequence) AS entry_matched
FROM reconciliation_break b WHERE b.reconciliation_id = $1 AND b.number = $2
"""
_RESOLVE = """
INSERT INTO break_resolution (reconciliation_id, number, note, transfer_id, resolved_by, resolved_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_RESOLVED = """
UPDATE reconciliation SET open_breaks = open_breaks - 1, open_difference = open_difference - $2,
                          status = CASE open_breaks WHEN 1 THEN 'closed' ELSE status END
WHERE id = $1 RETURNING open_breaks
"""
_SETTLE_LINE = """
INSERT INTO line_match (reconciliation_id, number, sequence, rule) VALUES ($1, $2, $3, 'resolution')
"""
_SETTLE_ENTRIES = """
INSERT INTO entry_match (account_id, sequence, reconciliation_id, number, rule)
SELECT $1, sequence, $3, $4, 'resolution' FROM unnest($2::bigint[]) AS sequence
"""
_LAST_ID = UUID(int=2**128 - 1)

Row = dict[str, Any]


async def start(tx: Transaction, command: StartReconciliation) -> None:
    """Insert a reconciliation that takes lines."""
    c = command
    await tx.execute(
        _START, c.reconciliation_id, c.account_id, c.currency, c.name, c.starts_on, c.ends_on, c.window_days,
        c.may_overlap, c.opening, c.closing, c.created_by, tx.now,
    )  # fmt: skip


async def lock_periods(tx: Transaction) -> None:
    """Let no other statement begin to be matched before the transaction has ended."""
    await tx.execute(_LOCK_PERIODS, _PERIODS)


async def is_overlapped(reads: Reads, statement: UUID, account: UUID, starts_on: date, ends_on: date) -> bool:
    """Tell whether another statement of the account that is or was matched covers some of these days."""
    return bool(await reads.fetchval(_OVERLAPS, account, statement, starts_on, ends_on))


async def load_statement(reads: Reads, reconciliation: UUID) -> Statement | None:
    """Return a reconciliation's facts, None when it does not exist."""
    return _statement(await reads.fetchrow(_STATEMENT, reconciliation))


async def lock_for_import(tx: Transaction, reconciliation: UUID) -> Statement | None:
    """Return a reconciliation whose import does not end before the transaction has."""
    return _statement(await tx.fetchrow(_LOCK_FOR_IMPORT, reconciliation))


async def lock(tx: Transaction, reconciliation: UUID) -> Statement | None:
    """Return a reconciliation that nobody else changes before the transaction has ended."""
    return _statement(await tx.fetchrow(_LOCK, reconciliation))


async def load_next_to_match(reads: Reads) -> UUID | None:
    """Return the id of the oldest reconciliation that is to be matched."""
    identifier: UUID | None = await reads.fetchval(_NEXT_TO_MATCH)
    return identifier


async def lock_next_to_match(tx: Transaction) -> Statement | None:
    """Return the oldest reconciliation that is to be matched, locked."""
    return _statement(await tx.fetchrow(_LOCK_NEXT_TO_MATCH))


async def save_lines(tx: Transaction, reconciliation: UUID, lines: Sequence[ExternalLine]) -> int:
    """Insert those lines whose numbers are new; return how many were."""
    return int(await tx.fetchval(_IMPORT, reconciliation, *_line_columns(lines)))


async def count_same(reads: Reads, reconciliation: UUID, lines: Sequence[ExternalLine]) -> int:
    """Return how many of the lines are stored just as they are given."""
    return int(await reads.fetchval(_SAME, reconciliation, *_line_columns(lines)))


async def count_lines(reads: Reads, reconciliation: UUID) -> tuple[int, int]:
    """Return the number of lines, and what they add up to. A number left out counts as a line too many."""
    row = await reads.fetchrow(_COUNTED, reconciliation)
    assert row is not None  # noqa: S101 - an aggregate has a row
    return max(row["lines"], row["last"]), int(row["total"])


async def save_to_match(tx: Transaction, reconciliation: UUID, lines: int) -> None:
    """Let the matching of a statement go on, or begin."""
    await tx.execute(_TO_MATCH, reconciliation, lines)


async def save_gathered(tx: Transaction, reconciliation: UUID, entries: int) -> None:
    """Record how many entries a statement is held against."""
    await tx.execute(_GATHERED, reconciliation, entries)


async def save_matched(tx: Transaction, reconciliation: UUID, broken: Broken) -> None:
    """Record that a statement is matched; one without a break is closed at once."""
    await tx.execute(_MATCHED, reconciliation, tx.now, broken.breaks, broken.difference)


async def save_failed(tx: Transaction, reconciliation: UUID, failure: str) -> None:
    """Record that a matching was given up."""
    await tx.execute(_FAILED, reconciliation, failure)


async def load_shown(reads: Reads, reconciliation: UUID) -> Row | None:
    """Return a reconciliation as it is shown, with what each rule has matched as JSON."""
    row = await reads.fetchrow(_ONE, reconciliation)
    return dict(row) if row else None


async def load_page(reads: Reads, account: UUID | None, before: UUID | None, limit: int) -> list[Row]:
    """Return reconciliations as they are shown, newest first, those older than `before`."""
    if account is None:
        return _rows(await reads.fetch(_ALL, before or _LAST_ID, limit))
    return _rows(await reads.fetch(_OF_ACCOUNT, before or _LAST_ID, limit, account))


async def load_breaks(reads: Reads, reconciliation: UUID, after: int, limit: int, *, unresolved: bool) -> list[Row]:
    """Return breaks with their lines, entries and resolutions, in order, those after number `after`."""
    return _rows(await reads.fetch(_BREAKS, reconciliation, after, unresolved, limit))


async def load_break(reads: Reads, statement: Statement, number: int) -> OpenBreak | None:
    """Return one break, None when there is none of that number."""
    row = await reads.fetchrow(_OPEN_BREAK, statement.id, number, statement.account_id)
    return OpenBreak(**row) if row else None


async def save_resolution(
    tx: Transaction, found: OpenBreak, note: str, transfer: UUID | None, resolved_by: UUID
) -> int:
    """Record how a break was resolved; return how many of its reconciliation are left open."""
    await tx.execute(_RESOLVE, found.reconciliation_id, found.number, note, transfer, resolved_by, tx.now)
    return int(await tx.fetchval(_RESOLVED, found.reconciliation_id, found.difference))


async def save_settled(tx: Transaction, statement: Statement, found: OpenBreak, sequence: int) -> None:
    """Let the line and the entries that a transfer settled be matched, so that no later statement misses them."""
    sequences = [sequence] if found.sequence is None else [found.sequence, sequence]
    if found.line is not None:
        await tx.execute(_SETTLE_LINE, statement.id, found.line, sequence)
    await tx.execute(_SETTLE_ENTRIES, statement.account_id, sequences, statement.id, found.line)


def _line_columns(lines: Sequence[ExternalLine]) -> list[list[Any]]:
    rows: list[tuple[int, date, int, str | None, UUID | None, str | None, str | None]] = [
        (x.number, x.booked_on, x.amount, x.reference, reference_key(x.reference), x.description, x.external_id)
        for x in lines
    ]
    return columns(rows, 7)


def _rows(records: Sequence[asyncpg.Record]) -> list[Row]:
    return [dict(record) for record in records]


def _statement(row: asyncpg.Record | None) -> Statement | None:
    if row is None:
        return None
    identifier, account, currency, starts_on, ends_on, window, overlaps, opening, closing, status, open_breaks = row
    return Statement(
        identifier, account, currency, starts_on, ends_on, window, overlaps, opening, closing,
        ReconciliationStatus(status), open_breaks,
    )  # fmt: skip
