"""What risk says of a decision."""

from apps.risk.domain.assessment import Decision
from contracts.risk import RiskDecision


def decision_message(decision: Decision) -> RiskDecision:
    """Return the decision as published."""
    return RiskDecision(
        assessment_id=decision.assessment_id,
        payment_intent_id=decision.payment_intent_id,
        outcome=decision.outcome,
        rules=list(decision.rules),
        decided_at=decision.decided_at,
    )
