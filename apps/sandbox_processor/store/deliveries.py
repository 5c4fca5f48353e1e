"""The queue of webhooks: a row per sending until somebody took it; one that is given up stays, without a due time."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

_SAVE = "INSERT INTO delivery (account, subject, event_id, body, first_due, due) VALUES (?1, ?2, ?3, ?4, ?5, ?5)"
_DUE = """
SELECT number, account, event_id, body, first_due, attempts FROM delivery WHERE due <= ? ORDER BY due, number LIMIT ?
"""
_TAKEN = "DELETE FROM delivery WHERE number = ?"
_REFUSED = "UPDATE delivery SET due = ?, attempts = attempts + 1 WHERE number = ?"
_NEXT = "SELECT min(due) FROM delivery WHERE due > ?"
_WAITING = "SELECT EXISTS (SELECT 1 FROM delivery WHERE subject = ?)"


class Webhook(NamedTuple):
    """A webhook to send. `first_due` is in seconds since the epoch."""

    number: int
    account: str
    event_id: str
    body: bytes
    first_due: float
    attempts: int


def save(connection: sqlite3.Connection, webhooks: Sequence[tuple[str, str, str, bytes, float]]) -> None:
    """Save webhooks: account, what it is about, event id, body, and when it is due."""
    connection.executemany(_SAVE, webhooks)


def due(connection: sqlite3.Connection, now: float, limit: int) -> list[Webhook]:
    """Return the webhooks that are due, those first that wait the longest."""
    return [Webhook(*row) for row in connection.execute(_DUE, (now, limit))]


def taken(connection: sqlite3.Connection, number: int) -> None:
    """Forget a webhook that was taken."""
    connection.execute(_TAKEN, (number,))


def refused(connection: sqlite3.Connection, number: int, again: float | None) -> None:
    """Remember that a webhook was not taken; it is due `again` then, or given up."""
    connection.execute(_REFUSED, (again, number))


def next_due(connection: sqlite3.Connection, now: float) -> float | None:
    """Return when the first webhook that is not due yet will be."""
    due_at: float | None = connection.execute(_NEXT, (now,)).fetchone()[0]
    return due_at


def waits(connection: sqlite3.Connection, subject: str) -> bool:
    """Say whether a webhook about this operation or dispute was not taken yet."""
    return bool(connection.execute(_WAITING, (subject,)).fetchone()[0])
