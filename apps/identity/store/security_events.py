"""The security log: only ever added to, which the database enforces."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from contracts.identity import SecurityEventKind
from outbox.database import Reads, columns
from outbox.transaction import Transaction

_ADD = """
INSERT INTO security_event (id, kind, at, user_id, actor, about, sealed_origin)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::text[], $7::bytea[])
"""
_COLUMNS = 7
_LAST = UUID(int=2**128 - 1)
_PAGE = """
SELECT e.id, e.kind, e.at, e.user_id, e.actor, e.about, e.sealed_origin, a.personal_key
FROM security_event e LEFT JOIN user_account a ON a.id = e.user_id
WHERE e.id < $1 ORDER BY e.id DESC LIMIT $2
"""
_PAGE_OF_KIND = """
SELECT e.id, e.kind, e.at, e.user_id, e.actor, e.about, e.sealed_origin, a.personal_key
FROM security_event e LEFT JOIN user_account a ON a.id = e.user_id
WHERE e.id < $1 AND e.kind = $3 ORDER BY e.id DESC LIMIT $2
"""
_PAGE_OF_USER = """
SELECT e.id, e.kind, e.at, e.user_id, e.actor, e.about, e.sealed_origin, a.personal_key
FROM security_event e LEFT JOIN user_account a ON a.id = e.user_id
WHERE e.id < $1 AND e.user_id = $3 AND ($4::text IS NULL OR e.kind = $4) ORDER BY e.id DESC LIMIT $2
"""


@dataclass(frozen=True)
class Logged:
    """A line of the log, with the key that opens where it came from."""

    id: UUID
    kind: SecurityEventKind
    at: datetime
    user: UUID | None
    actor: UUID | None
    about: str | None
    sealed_origin: bytes | None = field(repr=False)
    personal_key: bytes | None = field(repr=False)


async def add(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add lines: id, kind, instant, user, actor, about, sealed origin."""
    await tx.execute(_ADD, *columns(rows, _COLUMNS))


async def page(
    reads: Reads, user: UUID | None, kind: SecurityEventKind | None, before: UUID | None, limit: int
) -> list[Logged]:
    """Return lines, newest first, those before an id: a user's or all, of one kind or all."""
    return [
        Logged(
            id=row["id"],
            kind=SecurityEventKind(row["kind"]),
            at=row["at"],
            user=row["user_id"],
            actor=row["actor"],
            about=row["about"],
            sealed_origin=row["sealed_origin"],
            personal_key=row["personal_key"],
        )
        for row in await _rows(reads, user, kind and kind.value, before or _LAST, limit)
    ]


async def _rows(reads: Reads, user: UUID | None, kind: str | None, end: UUID, limit: int) -> list[asyncpg.Record]:
    """Ask by the index that fits."""
    if user is not None:
        return await reads.fetch(_PAGE_OF_USER, end, limit, user, kind)
    if kind is not None:
        return await reads.fetch(_PAGE_OF_KIND, end, limit, kind)
    return await reads.fetch(_PAGE, end, limit)
