"""Proves every seal: its place in the chain, its signature, its root, and every leaf, made again from what is there."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg

from apps.wallet.audit.walk import PLACES, Finding, Slice, Span
from apps.wallet.domain.merkle import root_of, split_leaves
from apps.wallet.domain.sealing import Range
from apps.wallet.store.leaves import load_entry_leaves, load_record_leaves
from apps.wallet.store.seals import load_seals, seal_of
from contracts.proof import NO_SEAL, Seal, SealKey, is_signed, seal_hash
from outbox.database import Reads

_CHAIN = "it does not continue the seal before it"
_HASH = "its hash is not that of what it says"
_ROOT = "its root is not that of its leaves"
_KEY = "its key, seal_key {}, is not there or is another one"
_SIGNATURE = "its signature is wrong"
_ENTRY = "it is not what was sealed"
_RECORD = "it is not what was sealed, or was added later"
_GONE = "{} of the records that it sealed are gone, or are not what was sealed"
_NO_TRANSFER = "the transfer that was sealed is gone"
_NO_SEAL = "it has not the form of a seal"
_MISSING = "there is no such seal"


@dataclass(frozen=True)
class SealWalk:
    """Walks the chain of seals, one at a time: the leaves of one are made and compared in memory."""

    name: str = "seals"

    async def size(self, reads: Reads) -> int:
        """Return how many there are."""
        return int(await reads.fetchval("SELECT number FROM seal ORDER BY number DESC LIMIT 1") or 0)

    async def begin(self, reads: Reads) -> Span | None:
        """Return the span up to the newest."""
        newest = await self.size(reads)
        return Span((0,), (newest,)) if newest else None

    async def step(self, reads: Reads, span: Span, _rows: int) -> Slice:
        """Prove the next seal."""
        number, end = int(span.after[0]) + 1, int(span.end[0])
        rows = {row["number"]: row for row in await load_seals(reads, number - 2, number)}
        left = Span((number,), span.end) if number < end else None
        row = rows.get(number)
        if row is None:
            return Slice(1, [Finding(f"seal {number}", _MISSING)], left)
        try:
            seal, findings = seal_of(row), [Finding(f"seal {number}", f) for f in _faults(rows.get(number - 1), row)]
        except (TypeError, ValueError):  # tampered rows may hold anything
            return Slice(1, [Finding(f"seal {number}", _NO_SEAL)], left)
        return Slice(1, [*findings, *await _tampered(reads, seal, row["leaves"])], left)


def _faults(before: asyncpg.Record | None, row: asyncpg.Record) -> Iterator[str]:
    """Tell what is wrong with a seal in itself. Raises ValueError when the row cannot be a seal."""
    seal = seal_of(row)
    previous = seal_of(before) if before else None
    if not _continues(seal, previous):
        yield _CHAIN
    if seal_hash(seal) != seal.hash:
        yield _HASH
    if root_of(split_leaves(row["leaves"])).hex() != seal.root:
        yield _ROOT
    key = SealKey.of(row["public_key"]) if row["public_key"] else None
    if key is None or key.kid != seal.key_id or row["first_used_at"] > seal.sealed_at:
        yield _KEY.format(seal.key_id)
    elif not is_signed(seal, key):
        yield _SIGNATURE


def _continues(seal: Seal, before: Seal | None) -> bool:
    if before is None:
        return (seal.number, seal.first_sequence, seal.records_from, seal.previous) == (1, 1, 0, NO_SEAL)
    return (
        seal.first_sequence == before.last_sequence + 1
        and seal.records_from == before.records_until
        and seal.previous == before.hash
        and seal.sealed_at >= before.sealed_at
    )


async def _tampered(reads: Reads, seal: Seal, leaves: bytes) -> list[Finding]:
    """Return the entries and records that are not what was sealed, some of each."""
    part = Range(seal.first_sequence, seal.last_sequence, seal.records_from, seal.records_until)
    sealed = split_leaves(leaves)
    entries = sealed[: 2 * (part.last - part.first + 1)]
    found = _tampered_entries(seal, await load_entry_leaves(reads, part), entries)
    return found + _tampered_records(seal.number, await load_record_leaves(reads, part), sealed[len(entries) :])


def _tampered_entries(seal: Seal, transfers: list[asyncpg.Record], sealed: list[bytes]) -> list[Finding]:
    found: list[Finding] = []
    there = {row["sequence"]: row for row in transfers}
    for place in range(0, len(sealed), 2):
        sequence = seal.first_sequence + place // 2
        row = there.get(sequence)
        if row is None:
            found.append(Finding(f"sequence {sequence} (seal {seal.number})", _NO_TRANSFER))
        elif (row["debit"], row["credit"]) != (sealed[place], sealed[place + 1]):
            found.append(Finding(f"transfer {row['id']} (sequence {sequence}, seal {seal.number})", _ENTRY))
    return found[:PLACES]


def _tampered_records(number: int, records: list[asyncpg.Record], sealed: list[bytes]) -> list[Finding]:
    missing = Counter(sealed)
    missing.subtract(record["leaf"] for record in records)
    strange = [record for record in records if missing[record["leaf"]] < 0]
    found = [Finding(f"{record['kind']} {record['key']} (seal {number})", _RECORD) for record in strange[:PLACES]]
    gone = sum(count for count in missing.values() if count > 0)
    return [*found, Finding(f"seal {number}", _GONE.format(gone))] if gone else found
