"""Where the audit stands that goes round in the service, and what it has found so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from outbox.database import columns
from outbox.transaction import Transaction

# Replicas take turns: who finds the row locked leaves this time to the other.
_TAKE = """
SELECT number, started_at, walk, position, completed_at FROM audit_round WHERE id = 1 FOR UPDATE SKIP LOCKED
"""
_SAVE = """
UPDATE audit_round SET number = $1, started_at = $2, walk = $3, position = $4, completed_at = $5 WHERE id = 1
"""
_FIND = """
INSERT INTO audit_finding (place, claim, round, found_at)
SELECT DISTINCT f.place, f.claim, $3::bigint, $4::timestamptz FROM unnest($1::text[], $2::text[]) AS f (place, claim)
WHERE $5 OR EXISTS (SELECT FROM audit_finding k WHERE k.place = f.place AND k.claim = f.claim)
ON CONFLICT (place, claim) DO UPDATE SET round = excluded.round
RETURNING place, claim, found_at = $4 AS is_new
"""
_FORGET = "DELETE FROM audit_finding WHERE round < $1"
_COUNT = "SELECT count(*) FROM audit_finding"


@dataclass(frozen=True)
class Round:
    """A round: `walk` and `after`, `end` are where it goes on (None: at the first walk, at the walk's beginning)."""

    number: int
    started_at: datetime
    walk: str | None
    after: tuple[str | int, ...] | None
    end: tuple[str | int, ...] | None
    completed_at: datetime | None


async def take_round(tx: Transaction) -> Round | None:
    """Lock where the audit stands until the transaction ends; None when another replica has it."""
    row = await tx.fetchrow(_TAKE)
    if row is None:
        return None
    after, end = map(tuple, orjson.loads(row["position"])) if row["position"] else (None, None)
    return Round(row["number"], row["started_at"], row["walk"], after, end, row["completed_at"])


async def save_round(tx: Transaction, at: Round) -> None:
    """Keep where to go on."""
    position = orjson.dumps([at.after, at.end]).decode() if at.after else None
    await tx.execute(_SAVE, at.number, at.started_at, at.walk, position, at.completed_at)


async def save_findings(
    tx: Transaction, number: int, found: Sequence[tuple[str, str]], *, take_new: bool
) -> list[tuple[str, str]]:
    """Keep what a round found, place and claim; return what was not known before (nothing without `take_new`)."""
    rows = await tx.fetch(_FIND, *columns(found, 2), number, tx.now, take_new) if found else []
    return sorted((row["place"], row["claim"]) for row in rows if row["is_new"])


async def forget_findings(tx: Transaction, number: int) -> None:
    """Forget what the round of this number has not found any more."""
    await tx.execute(_FORGET, number)


async def count_findings(tx: Transaction) -> int:
    """Return how many findings stand."""
    return int(await tx.fetchval(_COUNT))
