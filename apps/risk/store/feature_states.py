"""What was seen of the entities that payments are counted by. Who changes it has the turn (store.decisions)."""

from collections.abc import Collection, Mapping

from apps.risk.domain.features.entities import Entity
from apps.risk.domain.features.state import DAY, State
from outbox.cooperation import by_and_by
from outbox.database import columns
from outbox.transaction import Transaction

AT_A_TIME = 32
"""States read or packed before others go on: above all, the clock of answers that are due."""

_LOAD = """
SELECT kind, entity, state FROM feature_state
WHERE (kind, entity) IN (SELECT * FROM unnest($1::smallint[], $2::bytea[]))
"""
_SAVE = """
INSERT INTO feature_state AS s (kind, entity, last_day, state)
SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::integer[], $4::bytea[])
ON CONFLICT (kind, entity) DO UPDATE SET last_day = excluded.last_day, state = excluded.state
"""
_FORGET = """
DELETE FROM feature_state WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM feature_state WHERE last_day < $1 ORDER BY last_day LIMIT $2 FOR UPDATE SKIP LOCKED))
"""


async def load(tx: Transaction, entities: Collection[Entity]) -> dict[Entity, State]:
    """Return what was seen of each; of what is new, nothing."""
    rows = await tx.fetch(_LOAD, *columns(list(entities), 2))
    known = {Entity(row["kind"], row["entity"]): State.of(row["state"]) async for row in by_and_by(rows, AT_A_TIME)}
    return {entity: known.get(entity) or State() for entity in entities}


async def save(tx: Transaction, states: Mapping[Entity, State]) -> None:
    """Keep what was seen by now."""
    rows = [
        (*entity, (state.last_seen or 0) // DAY, state.packed())
        async for entity, state in by_and_by(list(states.items()), AT_A_TIME)
    ]
    await tx.execute(_SAVE, *columns(rows, 4))


async def forget(tx: Transaction, before_day: int, limit: int) -> None:
    """Delete some of those that were not seen since that day, the oldest first."""
    await tx.execute(_FORGET, before_day, limit)
