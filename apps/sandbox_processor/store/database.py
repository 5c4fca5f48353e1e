"""The SQLite file: its tables, and the one connection to it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "sandbox.sqlite3"

# What a process has committed survives its kill -9 in this mode; only a power cut may cost the last moments.
_MODES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 2000;
PRAGMA foreign_keys = ON;
"""
_TABLES = """
CREATE TABLE IF NOT EXISTS operation (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    decline_code TEXT,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    token TEXT,
    parent TEXT,
    root TEXT REFERENCES operation (id),
    captured INTEGER NOT NULL CHECK (captured BETWEEN 0 AND amount),
    refunded INTEGER NOT NULL CHECK (refunded >= 0),
    disputed INTEGER NOT NULL CHECK (disputed >= 0),
    voided INTEGER NOT NULL,
    statement_descriptor TEXT,
    return_url TEXT,
    evidence TEXT NOT NULL,
    metadata TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    version INTEGER NOT NULL,
    created REAL NOT NULL,
    UNIQUE (account, operation_id),
    CHECK (refunded + disputed <= captured)
) STRICT;

CREATE TABLE IF NOT EXISTS lost_request (
    account TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    PRIMARY KEY (account, operation_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS dispute (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    parent TEXT NOT NULL UNIQUE REFERENCES operation (id),
    root TEXT NOT NULL REFERENCES operation (id),
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL,
    evidence_due REAL NOT NULL,
    version INTEGER NOT NULL,
    created REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS token (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    stands_for TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS later (
    number INTEGER PRIMARY KEY,
    due REAL NOT NULL,
    change TEXT NOT NULL,
    subject TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS later_due ON later (due);

CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    subject TEXT NOT NULL,
    event_id TEXT NOT NULL,
    body BLOB NOT NULL,
    first_due REAL NOT NULL,
    due REAL,
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS delivery_subject ON delivery (subject);
"""


def open_database(directory: Path) -> sqlite3.Connection:
    """Open the file in `directory`, made if need be. Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / FILE
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.executescript(_MODES + _TABLES)
    except sqlite3.Error as error:
        raise OSError(f"{path} cannot be used ({error})") from error
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end; roll back on any error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
