"""What a suspicious activity report is made from: a case, what happened with it, and the payer's other payments."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from apps.risk.domain.case_view import shown
from apps.risk.domain.cases import Case
from apps.risk.domain.labelling import Known
from contracts.risk import (
    RELATED_PAYMENTS,
    CaseEvent,
    DecisionRecord,
    RelatedPayment,
    SuspiciousActivityReport,
)

LONGEST_TEXT = 1_000


def report(
    case: Case,
    events: Sequence[CaseEvent],
    decision: DecisionRecord | None,
    payments: Sequence[DecisionRecord],
    labels: Mapping[UUID, Known],
    now: datetime,
) -> SuspiciousActivityReport:
    """Return the report; `payments` are the payer's newest decisions, more than are shown where there are more."""
    others = [_related(record, labels) for record in payments if record.assessment_id != case.id]
    known = labels.get(case.payment_intent_id) if case.payment_intent_id else None
    return SuspiciousActivityReport(
        case=shown(case, now),
        case_events=[_short(event) for event in events],
        decision=decision,
        label=known.label.value if known else None,
        related_payments=others[:RELATED_PAYMENTS],
        related_payments_left_out=len(others) > RELATED_PAYMENTS,
        made_at=now,
    )


def _related(record: DecisionRecord, labels: Mapping[UUID, Known]) -> RelatedPayment:
    known = labels.get(record.payment_intent_id)
    return RelatedPayment(
        payment_intent_id=record.payment_intent_id,
        assessment_id=record.assessment_id,
        outcome=record.verdict.outcome if record.verdict else record.outcome,
        amount=record.amount,
        currency=record.currency,
        direction=record.direction,
        method=record.method,
        decided_at=record.decided_at,
        label=known.label.value if known else None,
    )


def _short(event: CaseEvent) -> CaseEvent:
    """Cut what is long, and leave documents out: a report names what supports it, and does not carry it."""
    text = event.text[:LONGEST_TEXT] if event.text else event.text
    return event.model_copy(update={"text": text, "document": None})
