"""Operations: saved, and found by the client's id, by ours, or in their order."""

import json
import sqlite3
from collections.abc import Sequence

from apps.sandbox_processor.domain.operation import Operation
from apps.sandbox_processor.domain.words import OperationType, Status

_SAVE = """
INSERT INTO operation (
    account, operation_id, id, type, status, decline_code, amount, currency, token, parent, root, captured, refunded,
    disputed, voided, statement_descriptor, return_url, evidence, metadata, fingerprint, version, created
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (account, operation_id) DO UPDATE SET
    status = excluded.status,
    decline_code = excluded.decline_code,
    captured = excluded.captured,
    refunded = excluded.refunded,
    disputed = excluded.disputed,
    voided = excluded.voided,
    version = excluded.version
"""
_BY_OPERATION_ID = "SELECT * FROM operation WHERE account = ? AND operation_id = ?"
_BY_ID = "SELECT * FROM operation WHERE account = ? AND id = ?"
_BY_ID_ALONE = "SELECT * FROM operation WHERE id = ?"
_LISTED = """
SELECT * FROM operation
WHERE account = ?1 AND number > coalesce((SELECT number FROM operation WHERE account = ?1 AND id = ?2), 0)
ORDER BY number LIMIT ?3
"""
_LOSE = "INSERT INTO lost_request (account, operation_id) VALUES (?, ?) ON CONFLICT DO NOTHING"


def save(connection: sqlite3.Connection, operations: Sequence[Operation]) -> None:
    """Save operations, new or changed, in their order."""
    connection.executemany(_SAVE, [_row(operation) for operation in operations])


def by_operation_id(connection: sqlite3.Connection, account: str, operation_id: str) -> Operation | None:
    """Return the operation that the client knows by this id."""
    return _found(connection.execute(_BY_OPERATION_ID, (account, operation_id)))


def by_id(connection: sqlite3.Connection, account: str, operation: str) -> Operation | None:
    """Return an account's operation by our id."""
    return _found(connection.execute(_BY_ID, (account, operation)))


def of_any_account(connection: sqlite3.Connection, operation: str) -> Operation | None:
    """Return an operation by our id."""
    return _found(connection.execute(_BY_ID_ALONE, (operation,)))


def listed(connection: sqlite3.Connection, account: str, after: str | None, limit: int) -> list[Operation]:
    """Return an account's operations in the order of their arrival, `after` one of them if given."""
    return [_operation(row) for row in connection.execute(_LISTED, (account, after, limit))]


def lose(connection: sqlite3.Connection, account: str, operation_id: str) -> bool:
    """Remember that a request was lost; return False if it was already."""
    return connection.execute(_LOSE, (account, operation_id)).rowcount > 0


def _row(o: Operation) -> tuple[str | int | float | bytes | None, ...]:
    return (
        o.account, o.operation_id, o.id, o.type, o.status, o.decline_code, o.amount, o.currency, o.token, o.parent,
        o.root, o.captured, o.refunded, o.disputed, o.voided, o.statement_descriptor, o.return_url,
        json.dumps(dict(o.evidence)), json.dumps(dict(o.metadata)), o.fingerprint, o.version, o.created,
    )  # fmt: skip


def _found(cursor: sqlite3.Cursor) -> Operation | None:
    row = cursor.fetchone()
    return None if row is None else _operation(row)


def _operation(row: sqlite3.Row) -> Operation:
    values = dict(row)
    del values["number"]
    return Operation(
        **values
        | {
            "type": OperationType(row["type"]),
            "status": Status(row["status"]),
            "voided": bool(row["voided"]),
            "evidence": json.loads(row["evidence"]),
            "metadata": json.loads(row["metadata"]),
        }
    )
