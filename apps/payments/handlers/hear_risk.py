"""What risk decides about payments; after a review, or what it answered at its deadline, a second decision follows."""

from collections.abc import Sequence

from apps.payments.domain.deciding import Terms
from apps.payments.domain.payment_errors import declined_by_risk
from apps.payments.domain.signals import RiskWord
from apps.payments.handlers.signals import apply_signals
from contracts.message import Envelope
from contracts.risk import RiskDecision, RiskOutcome
from outbox.transaction import Transaction


async def hear_risk(tx: Transaction, decisions: Sequence[Envelope[RiskDecision]], *, terms: Terms) -> None:
    """Move each payment on by its decision; one for another attempt, or that comes too late, is ignored."""
    await apply_signals(tx, [_word(decision.data) for decision in decisions], terms=terms, causes=decisions)


def _word(decision: RiskDecision) -> RiskWord:
    problem = declined_by_risk(decision) if decision.outcome is RiskOutcome.DECLINE else None
    return RiskWord(
        decision.payment_intent_id, decision.assessment_id, decision.outcome, problem, degraded=decision.degraded
    )
