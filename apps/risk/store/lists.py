"""The allow, deny and watch lists, and what of payments is on them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from apps.risk.domain.features.entities import Subject
from apps.risk.domain.lists import Listed, names_of
from contracts.risk import ListEntry, ListKind, ListListEntries, RiskList
from outbox.database import Reads, columns
from outbox.transaction import Transaction

# One change at a time: how many entries there are decides whether one more is taken.
_TURN = 7110
_TAKE_TURN = "SELECT pg_advisory_xact_lock($1)"
_COUNT = "SELECT count(*) FROM list_entry WHERE is_active"
_LISTED = """
SELECT kind, value, list FROM unnest($1::text[], $2::text[]) AS asked (kind, value) JOIN list_entry USING (kind, value)
WHERE is_active AND (expires_at IS NULL OR expires_at > $3)
"""
_ACTIVE = """
SELECT e.*, r.removed_by, r.removed_at, r.reason AS removal_reason
FROM list_entry e LEFT JOIN list_removal r ON r.entry_id = e.id
WHERE e.is_active AND e.kind = $1 AND e.value = $2 AND e.list = $3
"""
_ONE = """
SELECT e.*, r.removed_by, r.removed_at, r.reason AS removal_reason
FROM list_entry e LEFT JOIN list_removal r ON r.entry_id = e.id WHERE e.id = $1
"""
_PAGE = """
SELECT e.*, r.removed_by, r.removed_at, r.reason AS removal_reason
FROM list_entry e LEFT JOIN list_removal r ON r.entry_id = e.id
WHERE e.id < $1 AND ($2::text IS NULL OR e.list = $2) AND ($3::text IS NULL OR e.kind = $3)
      AND ($4::text IS NULL OR e.value = $4)
      AND (e.is_active AND (e.expires_at IS NULL OR e.expires_at > $5)) <> $6
ORDER BY e.id DESC LIMIT $7
"""
_ADD = """
INSERT INTO list_entry (id, list, kind, value, expires_at, owner, reason, added_by, added_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_END = "UPDATE list_entry SET is_active = false WHERE id = $1"
_REMOVE = "INSERT INTO list_removal (entry_id, removed_by, reason, removed_at) VALUES ($1, $2, $3, $4)"
_LAST_ID = UUID(int=2**128 - 1)


async def load_listed(tx: Transaction, subjects: Collection[Subject]) -> dict[UUID, Listed]:
    """Return on which lists anything of each payment is, by assessment id; those on none are missing."""
    named = {subject.assessment_id: names_of(subject) for subject in subjects}
    asked = sorted({pair for pairs in named.values() for pair in pairs})
    if not asked:
        return {}
    found: dict[tuple[str, str], set[RiskList]] = {}
    for row in await tx.fetch(_LISTED, *columns(asked, 2), tx.now):
        found.setdefault((row["kind"], row["value"]), set()).add(RiskList(row["list"]))
    listed: dict[UUID, Listed] = {}
    for assessment, pairs in named.items():
        for name in {name for pair in pairs for name in found.get(pair, ())}:
            listed[assessment] = listed.get(assessment, Listed()).on(name)
    return listed


async def take_turn(tx: Transaction) -> int:
    """Wait until nobody else changes lists, to the end of the transaction; return how many entries are active."""
    await tx.fetchval(_TAKE_TURN, _TURN)
    return int(await tx.fetchval(_COUNT))


async def load_active(reads: Reads, name: RiskList, kind: ListKind, value: str) -> ListEntry | None:
    """Return the active entry of a value on a list, also where it has expired; None where there is none."""
    row = await reads.fetchrow(_ACTIVE, kind.value, value, name.value)
    return ListEntry.model_validate(dict(row)) if row else None


async def load_one(reads: Reads, entry_id: UUID) -> ListEntry | None:
    """Return an entry, None where there is none."""
    row = await reads.fetchrow(_ONE, entry_id)
    return ListEntry.model_validate(dict(row)) if row else None


async def load_page(reads: Reads, asked: ListListEntries, now: datetime, limit: int) -> list[ListEntry]:
    """Return entries, newest first."""
    name, kind = asked.list and asked.list.value, asked.kind and asked.kind.value
    rows = await reads.fetch(_PAGE, asked.before or _LAST_ID, name, kind, asked.value, now, asked.ended, limit)
    return [ListEntry.model_validate(dict(row)) for row in rows]


async def save_new(tx: Transaction, entry: ListEntry, instead_of: ListEntry | None) -> None:
    """Keep an entry, in the place of one that has expired where there is one."""
    if instead_of:
        await tx.execute(_END, instead_of.id)
    row = (entry.id, entry.list.value, entry.kind.value, entry.value, entry.expires_at, entry.owner, entry.reason)
    await tx.execute(_ADD, *row, entry.added_by, entry.added_at)


async def save_removal(tx: Transaction, entry: ListEntry) -> None:
    """Keep that an entry was removed."""
    await tx.execute(_END, entry.id)
    await tx.execute(_REMOVE, entry.id, entry.removed_by, entry.removal_reason, entry.removed_at)
