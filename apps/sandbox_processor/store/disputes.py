"""Disputes: saved, and found by their own id or by what they are about."""

import sqlite3
from collections.abc import Sequence

from apps.sandbox_processor.domain.operation import Dispute
from apps.sandbox_processor.domain.words import DisputeStatus

_SAVE = """
INSERT INTO dispute (id, account, parent, root, amount, currency, reason, status, evidence_due, version, created)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, version = excluded.version
"""
_FOUND = "SELECT * FROM dispute WHERE account = ?1 AND (id = ?2 OR parent = ?2)"
_OF_ANY_ACCOUNT = "SELECT * FROM dispute WHERE id = ?"
_LISTED = "SELECT * FROM dispute WHERE account = ? ORDER BY created, id LIMIT ?"


def save(connection: sqlite3.Connection, disputes: Sequence[Dispute]) -> None:
    """Save disputes, new or changed."""
    connection.executemany(_SAVE, [_row(dispute) for dispute in disputes])


def found(connection: sqlite3.Connection, account: str, reference: str) -> Dispute | None:
    """Return an account's dispute by its id, or by that of the charge or capture it is about."""
    return _one(connection.execute(_FOUND, (account, reference)))


def of_any_account(connection: sqlite3.Connection, dispute: str) -> Dispute | None:
    """Return a dispute by its id."""
    return _one(connection.execute(_OF_ANY_ACCOUNT, (dispute,)))


def listed(connection: sqlite3.Connection, account: str, limit: int) -> list[Dispute]:
    """Return an account's disputes, the oldest first."""
    return [_dispute(row) for row in connection.execute(_LISTED, (account, limit))]


def _row(d: Dispute) -> tuple[str | int | float, ...]:
    return (
        d.id, d.account, d.parent, d.root, d.amount, d.currency, d.reason, d.status, d.evidence_due, d.version,
        d.created,
    )  # fmt: skip


def _one(cursor: sqlite3.Cursor) -> Dispute | None:
    row = cursor.fetchone()
    return None if row is None else _dispute(row)


def _dispute(row: sqlite3.Row) -> Dispute:
    return Dispute(**dict(row) | {"status": DisputeStatus(row["status"])})
