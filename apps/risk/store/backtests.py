"""Backtests: what is asked for, how far each is, and what comes out otherwise; and decisions of the past."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg
import orjson

from apps.risk.domain.backtesting import (
    MOST_BACKTESTS,
    Flipped,
    Past,
    Tally,
    outcome_matrix,
    quality,
    rule_firings,
    ruled,
)
from contracts.ids import first_id_of
from contracts.risk import Backtest, BacktestStatus, Flip, Label, RiskOutcome, StartBacktest
from outbox.database import Reads, columns
from outbox.transaction import Transaction

# One process works on backtests; held by a connection of its own, so that it ends with the process.
_WORKING = 7112
_TRY_TO_WORK = "SELECT pg_try_advisory_lock($1)"
_LAST_ID = UUID(int=2**128 - 1)

_FORGET = """
DELETE FROM backtest WHERE status <> 'running' AND id NOT IN (SELECT id FROM backtest ORDER BY id DESC LIMIT $1)
"""
_START = (
    "INSERT INTO backtest (id, rule_set, since, until, most, asked_by, asked_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
)
_RUNNING = "SELECT * FROM backtest WHERE status = 'running'"
_ONE = "SELECT * FROM backtest WHERE id = $1"
_LOCK = "SELECT * FROM backtest WHERE id = $1 FOR UPDATE"
_ALL = "SELECT * FROM backtest ORDER BY id DESC LIMIT $1"
_TRY = "UPDATE backtest SET tries = tries + 1, total = $2 WHERE id = $1 AND status = 'running'"
# Only from where it is: of two that worked on it, one would get no further.
_ADVANCE = """
UPDATE backtest SET reached = $3, tries = 0, judged = judged + $4, not_judged = not_judged + $5, flips = flips + $6,
                    flips_kept = flips_kept + $7, tally = $8::jsonb
WHERE id = $1 AND status = 'running' AND reached IS NOT DISTINCT FROM $2 RETURNING id
"""
_END = """
UPDATE backtest SET status = $2, ended_at = $3, ended_by = $4, failure = $5 WHERE id = $1 AND status = 'running'
"""
_SAVE_FLIPS = """
INSERT INTO backtest_flip (backtest_id, assessment_id, payment_intent_id, before, after, score_before, score, codes,
                           label)
SELECT $1, id, payment_intent_id, before, after, score_before, score, string_to_array(codes, ','), label
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::smallint[], $7::smallint[], $8::text[], $9::text[])
     AS f (id, payment_intent_id, before, after, score_before, score, codes, label)
"""
_FLIPS = """
SELECT assessment_id, payment_intent_id, before, after, score_before, score, codes, label
FROM backtest_flip WHERE backtest_id = $1 AND assessment_id < $2 ORDER BY assessment_id DESC LIMIT $3
"""
_TOTAL = """
SELECT count(*) FROM (SELECT FROM decision WHERE assessment_id >= $1 AND assessment_id < $2 LIMIT $3) AS these
"""
# Newest first: the last of the next so many.
_CHUNK = """
WITH these AS MATERIALIZED (
    SELECT assessment_id FROM decision WHERE assessment_id >= $1 AND assessment_id < $2
    ORDER BY assessment_id DESC LIMIT $3
)
SELECT (SELECT assessment_id FROM these ORDER BY assessment_id LIMIT 1) AS lowest, count(*) AS payments FROM these
"""
_PAST = """
SELECT d.assessment_id, d.payment_intent_id, d.outcome, d.step_up, d.score, d.catalogue, d.values::text AS values,
       l.label
FROM decision d LEFT JOIN label l ON l.assessment_id = d.assessment_id
WHERE d.assessment_id >= $1 AND d.assessment_id < $2 AND d.values IS NOT NULL
"""
_THESE = """
SELECT d.assessment_id, d.payment_intent_id, d.outcome, d.step_up, d.score, d.catalogue, d.values::text AS values,
       NULL AS label
FROM decision d WHERE d.assessment_id = ANY($1::uuid[]) AND d.values IS NOT NULL
"""


class Running(NamedTuple):
    """A backtest that is under way: judged are those above `reached`, `done` of them."""

    id: UUID
    rule_set: str
    first: UUID
    end: UUID
    most: int
    reached: UUID | None
    done: int
    tries: int
    flips_kept: int
    tally: Tally


class Advance(NamedTuple):
    """How far a backtest is after the next part; `flips` are to be listed, of `flipped` that there are."""

    reached: UUID
    judged: int
    not_judged: int
    flipped: int
    flips: Sequence[Flipped]
    tally: Tally


async def try_to_work(reads: Reads) -> bool:
    """Be the one process that works on backtests, as long as the connection lives; tell whether it is."""
    return bool(await reads.fetchval(_TRY_TO_WORK, _WORKING))


async def start(tx: Transaction, identifier: UUID, asked: StartBacktest) -> None:
    """Record what is to be done; the oldest backtests go. Who calls has seen that none runs, in the turn."""
    await tx.execute(_START, identifier, asked.rule_set, asked.since, asked.until, asked.limit, asked.by, tx.now)
    await tx.execute(_FORGET, MOST_BACKTESTS)


async def load_running(reads: Reads) -> Running | None:
    """Return the backtest that is under way, None where none is."""
    row = await reads.fetchrow(_RUNNING)
    if row is None:
        return None
    return Running(
        id=row["id"],
        rule_set=row["rule_set"],
        first=first_id_of(row["since"]),
        end=first_id_of(row["until"]),
        most=row["most"],
        reached=row["reached"],
        done=row["judged"] + row["not_judged"],
        tries=row["tries"],
        flips_kept=row["flips_kept"],
        tally=Tally.of_json(orjson.loads(row["tally"])),
    )


async def load(reads: Reads, identifier: UUID) -> Backtest | None:
    """Return a backtest as far as it is, None where there is none."""
    row = await reads.fetchrow(_ONE, identifier)
    return _backtest(row) if row else None


async def lock(tx: Transaction, identifier: UUID) -> Backtest | None:
    """Return a backtest that gets no further until the transaction ends."""
    row = await tx.fetchrow(_LOCK, identifier)
    return _backtest(row) if row else None


async def load_all(reads: Reads) -> list[Backtest]:
    """Return all that are kept, newest first."""
    return [_backtest(row) for row in await reads.fetch(_ALL, MOST_BACKTESTS + 1)]


async def count_total(reads: Reads, running: Running) -> int:
    """Return how many payments a backtest is about."""
    return int(await reads.fetchval(_TOTAL, running.first, running.end, running.most))


async def note_try(tx: Transaction, identifier: UUID, total: int) -> None:
    """Record that work on it begins."""
    await tx.execute(_TRY, identifier, total)


async def load_chunk(reads: Reads, first: UUID, end: UUID, most: int) -> tuple[UUID | None, int]:
    """Return the lowest id of the next payments below `end`, and how many they are."""
    row = await reads.fetchrow(_CHUNK, first, end, most)
    return (row["lowest"], row["payments"]) if row else (None, 0)


async def advance(tx: Transaction, identifier: UUID, since: UUID | None, to: Advance) -> bool:
    """Record a part that was judged; tell whether it was: not where it has ended, or somebody else got further."""
    counts = to.judged, to.not_judged, to.flipped, len(to.flips)
    tally = orjson.dumps(to.tally.as_json()).decode()
    if await tx.fetchval(_ADVANCE, identifier, since, to.reached, *counts, tally) is None:
        return False
    await tx.execute(_SAVE_FLIPS, identifier, *columns([flip_row(f) for f in to.flips], 8))
    return True


async def end(
    tx: Transaction, identifier: UUID, status: BacktestStatus, by: UUID | None = None, failure: str | None = None
) -> None:
    """Record that a backtest has ended."""
    await tx.execute(_END, identifier, status.value, tx.now, by, failure)


async def load_flips(reads: Reads, identifier: UUID, before: UUID | None, limit: int) -> list[Flip]:
    """Return payments that come out otherwise, newest first, those asked for before `before`."""
    return [flip_of(row) for row in await reads.fetch(_FLIPS, identifier, before or _LAST_ID, limit)]


async def load_past(reads: Reads, first: UUID, end: UUID) -> list[asyncpg.Record]:
    """Return what was decided from `first` to before `end`, as it is stored (see `past_of`)."""
    return await reads.fetch(_PAST, first, end)


async def load_these(reads: Reads, ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """Return those decisions as they are stored, without labels."""
    return await reads.fetch(_THESE, ids)


def past_of(row: asyncpg.Record, names: Sequence[str]) -> Past:
    """Return a decision of the past; `names` are those of its catalogue."""
    assessment_id, payment_intent_id, outcome, step_up, score, _, values, label = row
    return Past(
        assessment_id,
        payment_intent_id,
        ruled(RiskOutcome(outcome), step_up=step_up),
        score,
        dict(zip(names, orjson.loads(values), strict=True)),
        Label(label) if label else None,
    )


def flip_row(flip: Flipped) -> tuple[object, ...]:
    """Return a payment that comes out otherwise as a row; no code has a comma in it."""
    return (
        flip.assessment_id,
        flip.payment_intent_id,
        flip.before.value,
        flip.after.value,
        flip.score_before,
        flip.score,
        ",".join(flip.codes),
        flip.label.value if flip.label else None,
    )


def flip_of(row: asyncpg.Record) -> Flip:
    """Return a row of those that come out otherwise."""
    return Flip.model_validate({**row, "codes": tuple(row["codes"])})


def _backtest(row: asyncpg.Record) -> Backtest:
    tally = Tally.of_json(orjson.loads(row["tally"]))
    matrix = outcome_matrix(tally)
    before, after = quality(matrix)
    return Backtest(
        id=row["id"],
        rule_set=row["rule_set"],
        status=BacktestStatus(row["status"]),
        since=row["since"],
        until=row["until"],
        limit=row["most"],
        total=row["total"],
        payments=row["judged"],
        not_judged=row["not_judged"],
        flips=row["flips"],
        flips_kept=row["flips_kept"],
        outcomes=matrix,
        quality_before=before,
        quality_after=after,
        rules=rule_firings(tally),
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        ended_at=row["ended_at"],
        failure=row["failure"],
    )
