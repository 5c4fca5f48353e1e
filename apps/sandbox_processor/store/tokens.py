"""Tokens that clients made: what each stands for, and never the number."""

import sqlite3
from collections.abc import Callable

_NEXT = "SELECT coalesce(max(number), 0) + 1 FROM token"
_SAVE = "INSERT INTO token (number, account, id, stands_for) VALUES (?, ?, ?, ?)"
_FOUND = "SELECT stands_for FROM token WHERE account = ? AND id = ?"


def save(connection: sqlite3.Connection, account: str, stands_for: str, named: Callable[[int], str]) -> str:
    """Save a token under the name that `named` gives to its number; return that name."""
    number = int(connection.execute(_NEXT).fetchone()[0])
    token = named(number)
    connection.execute(_SAVE, (number, account, token, stands_for))
    return token


def stands_for(connection: sqlite3.Connection, account: str, token: str) -> str | None:
    """Return the well-known token that an account's own token stands for."""
    row = connection.execute(_FOUND, (account, token)).fetchone()
    return None if row is None else str(row[0])
