"""Decisions as they are read: by people, and for replays."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from pydantic import TypeAdapter

from apps.risk.domain.replaying import Kept
from apps.risk.domain.ruling import Judged
from contracts.ids import first_id_of
from contracts.risk import (
    AnalystsVerdict,
    Contribution,
    DecisionRecord,
    FiredRule,
    ListDecisions,
    RiskOutcome,
)
from outbox.database import Reads

_FIRST_ID, _LAST_ID = UUID(int=0), UUID(int=2**128 - 1)

# Each has the index that serves it.
_ONE = "SELECT * FROM decision_record WHERE assessment_id = $1"
_PAGE = """
SELECT * FROM decision_record WHERE assessment_id >= $1 AND assessment_id < $2 ORDER BY assessment_id DESC LIMIT $3
"""
_PAGE_OF_OUTCOME = """
SELECT * FROM decision_record WHERE assessment_id >= $1 AND assessment_id < $2 AND outcome = $4
ORDER BY assessment_id DESC LIMIT $3
"""
_PAGE_OF_PAYER = """
SELECT * FROM decision_record
WHERE assessment_id >= $1 AND assessment_id < $2 AND payer = $4 AND ($5::text IS NULL OR outcome = $5)
ORDER BY assessment_id DESC LIMIT $3
"""
_PAGE_OF_PAYMENT = """
SELECT * FROM decision_record
WHERE assessment_id >= $1 AND assessment_id < $2 AND payment_intent_id = $4 AND ($5::text IS NULL OR outcome = $5)
      AND ($6::uuid IS NULL OR payer = $6)
ORDER BY assessment_id DESC LIMIT $3
"""
# Oldest first: a replay of a long time goes on after the last one that it has seen.
_TO_REPLAY = """
SELECT * FROM decision_record WHERE assessment_id > $1 AND assessment_id < $2 ORDER BY assessment_id LIMIT $3
"""
_DOCUMENT = "SELECT document FROM decision_document WHERE hash = $1 AND kind = $2"
_RULES = TypeAdapter(tuple[FiredRule, ...])


async def load_one(reads: Reads, assessment_id: UUID) -> DecisionRecord | None:
    """Return a decision with the values of its features, None where there is none."""
    row = await reads.fetchrow(_ONE, assessment_id)
    if row is None:
        return None
    record = _record(row)
    if row["values"] is None:
        return record
    names = await load_names(reads, row["catalogue"])
    return record.model_copy(update={"values": dict(zip(names, orjson.loads(row["values"]), strict=True))})


async def load_page(reads: Reads, asked: ListDecisions, limit: int) -> list[DecisionRecord]:
    """Return decisions without values, newest first; those asked for in `since` <= time < `until`."""
    first = first_id_of(asked.since) if asked.since else _FIRST_ID
    end = first_id_of(asked.until) if asked.until else _LAST_ID
    bounds = (first, min(end, asked.before or _LAST_ID), limit)
    outcome = asked.outcome.value if asked.outcome else None
    if asked.payment_intent_id:
        rows = await reads.fetch(_PAGE_OF_PAYMENT, *bounds, asked.payment_intent_id, outcome, asked.payer)
    elif asked.payer:
        rows = await reads.fetch(_PAGE_OF_PAYER, *bounds, asked.payer, outcome)
    elif outcome:
        rows = await reads.fetch(_PAGE_OF_OUTCOME, *bounds, outcome)
    else:
        rows = await reads.fetch(_PAGE, *bounds)
    return [_record(row) for row in rows]


async def load_kept(reads: Reads, assessment_id: UUID) -> Kept | None:
    """Return a decision as a replay needs it, None where it cannot be replayed or there is none."""
    row = await reads.fetchrow(_ONE, assessment_id)
    return _kept(row) if row and row["values"] else None


async def load_kept_of(
    reads: Reads, after: UUID | None, since: datetime | None, until: datetime | None, limit: int
) -> tuple[list[Kept], UUID | None, int]:
    """Return decisions of a time in order, the id of the last one read, and how many of them cannot be replayed."""
    first = after or (UUID(int=first_id_of(since).int - 1) if since else _FIRST_ID)
    rows = await reads.fetch(_TO_REPLAY, first, first_id_of(until) if until else _LAST_ID, limit)
    kept = [_kept(row) for row in rows if row["values"]]
    return kept, rows[-1]["assessment_id"] if rows else None, len(rows) - len(kept)


async def load_names(reads: Reads, catalogue: str) -> list[str]:
    """Return the names of the features in the order in which a catalogue has them. Raises LookupError."""
    return [name for name, _ in orjson.loads(await load_document(reads, catalogue, "catalogue"))]


async def load_document(reads: Reads, name: str, kind: str) -> bytes:
    """Return a document that decisions name by its hash. Raises LookupError where it was not kept."""
    document = await reads.fetchval(_DOCUMENT, name, kind)
    if document is None:
        raise LookupError(f"the {kind} {name} is not kept")
    return str(document).encode()


def _record(row: asyncpg.Record) -> DecisionRecord:
    asked: dict[str, Any] = orjson.loads(row["request"]) if row["request"] else {}
    part: dict[str, Any] = orjson.loads(row["model_part"]) if row["model_part"] else {}
    return DecisionRecord(
        assessment_id=row["assessment_id"],
        payment_intent_id=row["payment_intent_id"],
        payer=row["payer"],
        outcome=RiskOutcome(row["outcome"]),
        step_up=row["step_up"],
        score=row["score"],
        reason_codes=tuple(row["codes"]),
        rules=list(_RULES.validate_json(row["rules"])),
        approvable_amount=row["approvable_amount"],
        decided_at=row["decided_at"],
        degraded_outcome=RiskOutcome(row["degraded_outcome"]) if row["degraded_outcome"] else None,
        verdict=_verdict(row),
        amount=asked.get("amount"),
        currency=asked.get("currency"),
        direction=asked.get("direction"),
        method=asked.get("method"),
        asked_at=asked.get("asked_at"),
        rule_set=row["rule_set"],
        model=row["model"],
        model_points=part.get("points"),
        contributions=tuple(Contribution(feature=f, points=p) for f, p in part.get("contributions", ())),
        microseconds=row["micros"],
    )


def _verdict(row: asyncpg.Record) -> AnalystsVerdict | None:
    if row["verdict"] is None:
        return None
    return AnalystsVerdict(
        outcome=RiskOutcome(row["verdict"]),
        decided_by=row["decided_by"],
        note=row["note"],
        decided_at=row["reviewed_at"],
    )


def _kept(row: asyncpg.Record) -> Kept:
    part: dict[str, Any] = orjson.loads(row["model_part"]) if row["model_part"] else {}
    contributions: Sequence[tuple[str, float]] = part.get("contributions", ())
    judged = Judged(
        outcome=RiskOutcome(row["outcome"]),
        step_up=row["step_up"],
        score=row["score"],
        rules=_RULES.validate_json(row["rules"]),
        codes=tuple(row["codes"]),
        approvable_amount=row["approvable_amount"],
        model_points=part.get("points", 0),
        contributions=tuple((feature, points) for feature, points in contributions),
    )
    values = orjson.loads(row["values"])
    return Kept(row["assessment_id"], values, row["catalogue"], row["rule_set"], row["model"], judged)
