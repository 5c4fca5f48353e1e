"""What the rest of the system sees of reconciliations and breaks."""

from collections.abc import Mapping
from typing import Any

import orjson

from contracts.wallet import (
    Break,
    BreakKind,
    ExternalLine,
    MatchRule,
    Reconciliation,
    ReconciliationStatus,
    Resolution,
    RuleCount,
    UnmatchedEntry,
)

_RULES = frozenset(MatchRule)


def reconciliation_resource(row: Mapping[str, Any]) -> Reconciliation:
    """Return a reconciliation as published; `matched` is JSON, and has other steps besides the rules."""
    facts = dict(row)
    steps = orjson.loads(facts.pop("matched") or "[]")
    difference = facts.pop("open_difference")
    return Reconciliation.model_construct(
        **facts
        | {
            "status": ReconciliationStatus(facts["status"]),
            "open_difference": None if difference is None else int(difference),
            "matched": [RuleCount(**step) for step in steps if step["rule"] in _RULES],
        }
    )


def break_resource(row: Mapping[str, Any]) -> Break:
    """Return a break as published."""
    return Break(
        reconciliation_id=row["reconciliation_id"],
        number=row["number"],
        kind=BreakKind(row["kind"]),
        difference=row["difference"],
        line=None if row["line"] is None else _line(row),
        entry=None if row["sequence"] is None else _entry(row),
        resolution=None if row["note"] is None else _resolution(row),
        matched_later_by=row["matched_later_by"],
    )


def _line(row: Mapping[str, Any]) -> ExternalLine:
    return ExternalLine(
        number=row["line"],
        booked_on=row["booked_on"],
        amount=row["line_amount"],
        reference=row["line_reference"],
        description=row["description"],
        external_id=row["external_id"],
    )


def _entry(row: Mapping[str, Any]) -> UnmatchedEntry:
    return UnmatchedEntry(
        sequence=row["sequence"],
        transfer_id=row["transfer_id"],
        counterparty=row["counterparty"],
        amount=-row["amount"] if row["debits"] else row["amount"],
        effective_on=row["effective_on"],
        reference=row["reference"],
    )


def _resolution(row: Mapping[str, Any]) -> Resolution:
    return Resolution(
        note=row["note"],
        transfer_id=row["resolved_with"],
        resolved_by=row["resolved_by"],
        resolved_at=row["resolved_at"],
    )
