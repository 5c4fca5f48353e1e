"""The security log: only ever added to, which the database enforces."""

from collections.abc import Sequence
from typing import Any

from outbox.database import columns
from outbox.transaction import Transaction

_ADD = """
INSERT INTO security_event (id, kind, at, user_id, actor, about, sealed_origin)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::text[], $7::bytea[])
"""
_COLUMNS = 7


async def add(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add lines: id, kind, instant, user, actor, about, sealed origin."""
    await tx.execute(_ADD, *columns(rows, _COLUMNS))
