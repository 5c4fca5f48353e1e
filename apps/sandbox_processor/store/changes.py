"""What is to happen later."""

import sqlite3
from collections.abc import Sequence

from apps.sandbox_processor.domain.operation import Change, Later

_SAVE = "INSERT INTO later (due, change, subject) VALUES (?, ?, ?)"
_DUE = "SELECT number, change, subject FROM later WHERE due <= ? ORDER BY due, number LIMIT 1"
_FORGET = "DELETE FROM later WHERE number = ?"
_NEXT = "SELECT min(due) FROM later"


def save(connection: sqlite3.Connection, changes: Sequence[Later], now: float) -> None:
    """Save what is to happen, counted from `now`."""
    connection.executemany(_SAVE, [(now + change.after, change.change, change.subject) for change in changes])


def take_due(connection: sqlite3.Connection, now: float) -> tuple[Change, str] | None:
    """Remove the next change that is due, and return it with the id of its subject."""
    row = connection.execute(_DUE, (now,)).fetchone()
    if row is None:
        return None
    connection.execute(_FORGET, (row["number"],))
    return Change(row["change"]), str(row["subject"])


def next_due(connection: sqlite3.Connection) -> float | None:
    """Return when the next change is due."""
    due: float | None = connection.execute(_NEXT).fetchone()[0]
    return due
