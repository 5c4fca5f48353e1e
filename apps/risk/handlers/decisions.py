"""What risk says of a decision, and to whom."""

from apps.risk.domain.assessing import Decision
from contracts.message import Envelope
from contracts.risk import Assess, RiskDecision
from contracts.topology import SERVICES

_REPLY_SUBJECTS = frozenset(RiskDecision.contract.subject.replace("*", service) for service in SERVICES)


def reply_subject(command: Envelope[Assess]) -> str:
    """Return where the decision goes. Raises ValueError for a request whose answer has nowhere to go."""
    if command.replyto not in _REPLY_SUBJECTS:
        raise ValueError(f"replyto must be risk.decisions.<service>, not {command.replyto!r}")
    return command.replyto


def decision_message(decision: Decision) -> RiskDecision:
    """Return the decision as published."""
    return RiskDecision(
        assessment_id=decision.assessment_id,
        payment_intent_id=decision.payment_intent_id,
        outcome=decision.outcome,
        rules=list(decision.rules),
        decided_at=decision.decided_at,
        score=decision.score,
        reason_codes=decision.codes,
        step_up=decision.step_up,
        approvable_amount=decision.approvable_amount,
        rule_set=decision.rule_set,
    )
