"""Operations, disputes and events as JSON shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apps.sandbox_processor.domain import seeding
from apps.sandbox_processor.domain.operation import Dispute, Notice, Operation
from apps.sandbox_processor.domain.words import OperationType, Status

_TAKES_MONEY = frozenset({OperationType.CHARGE, OperationType.AUTHORISE})


def operation_view(operation: Operation, base_url: str) -> dict[str, Any]:
    """Return an operation; `base_url` is the account's."""
    shown: dict[str, Any] = {
        "id": operation.id,
        "operation_id": operation.operation_id,
        "type": operation.type,
        "status": operation.status,
        "amount": operation.amount,
        "currency": operation.currency,
        "version": operation.version,
        "created": _instant(operation.created),
    }
    if operation.type in _TAKES_MONEY:
        shown |= {
            "amount_captured": operation.captured,
            "amount_refunded": operation.refunded,
            "amount_disputed": operation.disputed,
        }
    if operation.status is Status.REQUIRES_ACTION:
        shown["action_url"] = f"{base_url}/authenticate/{operation.id}"
    optional = {
        "decline_code": operation.decline_code,
        "parent": operation.parent,
        "statement_descriptor": operation.statement_descriptor,
        "metadata": dict(operation.metadata) or None,
    }
    return shown | {name: value for name, value in optional.items() if value is not None}


def dispute_view(dispute: Dispute) -> dict[str, Any]:
    """Return a dispute."""
    return {
        "id": dispute.id,
        "parent": dispute.parent,
        "amount": dispute.amount,
        "currency": dispute.currency,
        "reason": dispute.reason,
        "status": dispute.status,
        "evidence_due_by": _instant(dispute.evidence_due),
        "version": dispute.version,
        "created": _instant(dispute.created),
    }


def event_view(notice: Notice, base_url: str, seed: int, now: float) -> Mapping[str, Any]:
    """Return the body of a webhook. The same change of the same thing always has the same id."""
    subject = notice.subject
    data: dict[str, Any] = (
        {"operation": operation_view(subject, base_url)}
        if isinstance(subject, Operation)
        else {"dispute": dispute_view(subject)}
    )
    event_id = seeding.name("evt_", seed, subject.account, notice.type, subject.id, str(subject.version))
    return {"id": event_id, "type": notice.type, "created": _instant(now), "data": data}


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
