"""Rule sets, their lives, and which of them decides."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
import orjson

from apps.risk.domain.change_control import Activation, Life
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from contracts.risk import RuleSet, RuleSetChange, RuleSetStatus
from outbox.database import Reads, columns
from outbox.transaction import Transaction

PRODUCT = UUID(int=0)
"""The author of what came with the product."""
# One change at a time: what is active, and how many are in shadow, decides about the next one.
_TURN = 7113
_TAKE_TURN = "SELECT pg_advisory_xact_lock($1)"
_COUNT = "SELECT count(*) FROM rule_set"
_SAVE = """
INSERT INTO rule_set (hash, name, description, rules, model, document, author, drafted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_SAVE_EVENTS = """
INSERT INTO rule_set_event (rule_set, number, status, author, made_by, made_at)
SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::uuid[], $5::uuid[], $6::timestamptz[])
"""
_LIVES = """
SELECT e.rule_set, s.name, e.author, e.status, e.made_by, e.made_at
FROM rule_set_event e JOIN rule_set s ON s.hash = e.rule_set
WHERE e.rule_set = ANY($1::text[]) ORDER BY e.rule_set, e.number
"""
_WHOLE = """
SELECT hash, name, description, rules, model, author, drafted_at, document,
       (SELECT e.status FROM rule_set_event e WHERE e.rule_set = s.hash ORDER BY e.number DESC LIMIT 1) AS status
FROM rule_set s WHERE hash = $1
"""
_PAGE = """
SELECT hash, name, description, rules, model, author, drafted_at, NULL AS document,
       (SELECT e.status FROM rule_set_event e WHERE e.rule_set = s.hash ORDER BY e.number DESC LIMIT 1) AS status
FROM rule_set s
WHERE $1::text IS NULL OR position < (SELECT b.position FROM rule_set b WHERE b.hash = $1)
ORDER BY position DESC LIMIT $2
"""
_DOCUMENT = "SELECT document FROM rule_set WHERE hash = $1"
# They are looked for among those that ever were in shadow: of these there are few.
_IN_SHADOW = """
SELECT DISTINCT e.rule_set FROM rule_set_event e
WHERE e.status = 'shadow'
  AND NOT EXISTS (SELECT FROM rule_set_event l WHERE l.rule_set = e.rule_set AND l.number > e.number)
ORDER BY e.rule_set
"""
_ACTIVE = "SELECT rule_set FROM activation ORDER BY position DESC LIMIT 1"
_NEWEST = "SELECT position, rule_set, previous, rolled_back FROM activation ORDER BY position DESC LIMIT 1"
_ACTIVATION = "SELECT position, rule_set, previous, rolled_back FROM activation WHERE position = $1"
_ACTIVATE = """
INSERT INTO activation (rule_set, previous, rolled_back, activated_by, activated_at) VALUES ($1, $2, $3, $4, $5)
"""


class NewRuleSet(NamedTuple):
    """A rule set to keep, and who wrote it; None: it came with the product."""

    document: RuleSetDocument
    author: UUID | None
    drafted_at: datetime


async def take_turn(tx: Transaction) -> None:
    """Wait until nobody else changes rule sets, to the end of the transaction."""
    await tx.fetchval(_TAKE_TURN, _TURN)


async def count(reads: Reads) -> int:
    """Return how many rule sets are kept."""
    return int(await reads.fetchval(_COUNT))


async def save(tx: Transaction, new: NewRuleSet) -> None:
    """Keep a rule set."""
    document = new.document
    await tx.execute(
        _SAVE,
        document.hash,
        document.name,
        document.description,
        len(document.rules),
        document.model,
        document.canonical().decode(),
        new.author or PRODUCT,
        new.drafted_at,
    )


async def save_changes(tx: Transaction, lives: Sequence[tuple[Life, int]]) -> None:
    """Add the newest steps of lives, so many of each."""
    rows = [
        (life.hash, number, change.status.value, life.author or PRODUCT, change.by, change.at)
        for life, added in lives
        for number, change in list(enumerate(life.changes, start=1))[-added:]
    ]
    await tx.execute(_SAVE_EVENTS, *columns(rows, 6))


async def load_lives(reads: Reads, names: Collection[str]) -> dict[str, Life]:
    """Return the lives of rule sets, by hash; those that are not kept are missing."""
    lives: dict[str, list[asyncpg.Record]] = {}
    for row in await reads.fetch(_LIVES, list(names)):
        lives.setdefault(row["rule_set"], []).append(row)
    return {name: _life(rows) for name, rows in lives.items()}


async def load_whole(reads: Reads, name: str) -> RuleSet | None:
    """Return a rule set with its document and its life, None for one that is not kept."""
    row = await reads.fetchrow(_WHOLE, name)
    if row is None:
        return None
    life = (await load_lives(reads, [name]))[name]
    return _rule_set(row).model_copy(update={"changes": list(life.changes), "document": orjson.loads(row["document"])})


async def load_page(reads: Reads, before: str | None, limit: int) -> list[RuleSet]:
    """Return rule sets without documents, newest first, those drafted before the rule set `before`."""
    return [_rule_set(row) for row in await reads.fetch(_PAGE, before, limit)]


async def load_document(reads: Reads, name: str) -> bytes | None:
    """Return the canonical document of a rule set, None for one that is not kept."""
    document = await reads.fetchval(_DOCUMENT, name)
    return None if document is None else str(document).encode()


async def load_in_shadow(reads: Reads) -> list[str]:
    """Return the hashes of the rule sets in shadow."""
    return [row["rule_set"] for row in await reads.fetch(_IN_SHADOW)]


async def load_active(reads: Reads) -> str | None:
    """Return the hash of the active rule set, None before the first one was installed."""
    name = await reads.fetchval(_ACTIVE)
    return None if name is None else str(name)


async def load_newest_activation(reads: Reads) -> Activation | None:
    """Return the activation that is in force."""
    row = await reads.fetchrow(_NEWEST)
    return _activation(row) if row else None


async def load_activation(reads: Reads, position: int | None) -> Activation | None:
    """Return an activation, None where there is none."""
    row = await reads.fetchrow(_ACTIVATION, position)
    return _activation(row) if row else None


async def save_activation(tx: Transaction, activation: Activation, by: UUID | None) -> None:
    """Decide by a rule set from the next batch on."""
    await tx.execute(_ACTIVATE, activation.rule_set, activation.previous, activation.rolled_back, by, tx.now)


def _activation(row: asyncpg.Record) -> Activation:
    return Activation(row["rule_set"], row["previous"], row["rolled_back"], row["position"])


def _life(rows: Sequence[asyncpg.Record]) -> Life:
    first = rows[0]
    changes = tuple(RuleSetChange(status=RuleSetStatus(r["status"]), by=r["made_by"], at=r["made_at"]) for r in rows)
    return Life(first["rule_set"], first["name"], _person(first["author"]), changes)


def _rule_set(row: asyncpg.Record) -> RuleSet:
    return RuleSet(
        hash=row["hash"],
        name=row["name"],
        description=row["description"],
        rules=row["rules"],
        model=row["model"],
        status=RuleSetStatus(row["status"]),
        author=_person(row["author"]),
        drafted_at=row["drafted_at"],
    )


def _person(author: UUID) -> UUID | None:
    return None if author == PRODUCT else author
