"""Cases as they are shown."""

from datetime import datetime

from apps.risk.domain.cases import Case, Opinion
from contracts import risk


def shown(case: Case, now: datetime) -> risk.Case:
    """Return the case as of now: a claim that has expired is none."""
    holds = case.claimed_at(now) is not None
    return risk.Case(
        id=case.id,
        kind=case.kind,
        status=case.status_at(now),
        title=case.title,
        customer=case.customer,
        payment_intent_id=case.payment_intent_id,
        amount=case.amount,
        currency=case.currency,
        four_eyes=case.four_eyes,
        opened_at=case.opened_at,
        due_at=case.due_at,
        overdue=case.is_overdue(now),
        assignee=case.assignee if holds else None,
        claimed_until=case.claimed_until if holds else None,
        first_decision=_decision(case.first),
        decision=_decision(case.last),
        outcome=case.outcome,
        closed_at=case.closed_at,
        events=case.events,
    )


def _decision(opinion: Opinion | None) -> risk.CaseDecision | None:
    if opinion is None:
        return None
    return risk.CaseDecision(
        outcome=opinion.outcome,
        decided_by=opinion.decided_by,
        reason=opinion.reason,
        decided_at=opinion.decided_at,
    )
