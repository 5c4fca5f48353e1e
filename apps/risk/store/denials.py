"""The deny list and the payers with a confirmed sanctions match, as a whole."""

from typing import NamedTuple

import asyncpg

from apps.risk.domain.denials import MOST_KEPT, Denials
from outbox.database import Reads

# Which ones there are, in whatever order: entries and matches have other ids when they return.
_FINGERPRINT = """
SELECT * FROM (
    SELECT count(*) AS entries, bit_xor(uuid_hash_extended(id, 0)) AS entries_hash FROM (
        SELECT id FROM list_entry WHERE is_active AND list = 'deny' LIMIT $1
    ) AS e
) AS listed, (
    SELECT count(*) AS matches, bit_xor(uuid_hash_extended(id, 0)) AS matches_hash FROM (
        SELECT id FROM screening WHERE status = 'confirmed' ORDER BY id LIMIT $1
    ) AS s
) AS matched
"""
_ENTRIES = "SELECT kind, value, expires_at FROM list_entry WHERE is_active AND list = 'deny' LIMIT $1"
_PAYERS = """
SELECT customer FROM screening WHERE status = 'confirmed' AND subject_kind = 'customer' ORDER BY id LIMIT $1
"""


class Fingerprint(NamedTuple):
    """What differs where the denials do."""

    entries: int
    entries_hash: int | None
    matches: int
    matches_hash: int | None


class Rows(NamedTuple):
    """The denials as they were read, one more of each than is kept if there are more."""

    entries: list[asyncpg.Record]
    payers: list[asyncpg.Record]


async def load_fingerprint(reads: Reads) -> Fingerprint:
    """Return what tells whether the denials are still the same."""
    row = await reads.fetchrow(_FINGERPRINT, MOST_KEPT + 1)
    if row is None:
        raise LookupError("aggregates without a row")
    return Fingerprint(*row)


async def load(reads: Reads) -> Rows:
    """Read all denials."""
    return Rows(await reads.fetch(_ENTRIES, MOST_KEPT + 1), await reads.fetch(_PAYERS, MOST_KEPT + 1))


def denials_of(rows: Rows) -> Denials:
    """Return what a process remembers of what it has read."""
    return Denials(
        entries={(row["kind"], row["value"]): row["expires_at"] for row in rows.entries[:MOST_KEPT]},
        payers=frozenset(row["customer"] for row in rows.payers[:MOST_KEPT]),
        complete=max(len(rows.entries), len(rows.payers)) <= MOST_KEPT,
    )
