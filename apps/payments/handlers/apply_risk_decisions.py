"""Risk decisions: an approved payment goes to the ledger, a declined one back to its customer."""

from collections.abc import Sequence

from apps.payments.domain.advancing import Signal
from apps.payments.domain.intents import Intent
from apps.payments.domain.payment_errors import declined_by_risk
from apps.payments.domain.transitions import State, Trigger
from apps.payments.handlers.conclusions import conclude
from apps.payments.handlers.signals import apply_signals
from contracts.message import Envelope
from contracts.risk import RiskDecision, RiskOutcome
from contracts.wallet import PostTransfer
from outbox.transaction import Transaction


async def apply_risk_decisions(tx: Transaction, decisions: Sequence[Envelope[RiskDecision]]) -> None:
    """Move each payment on by its decision; one for another attempt, or that comes too late, is ignored."""
    results = await apply_signals(tx, [_signal(decision.data) for decision in decisions])
    for decision, intent in zip(decisions, results, strict=True):
        if intent is None:
            continue
        if intent.state is State.POSTING:
            tx.say(_post(intent), decision)
        else:
            conclude(tx, intent, decision)


def _signal(decision: RiskDecision) -> Signal:
    if decision.outcome is RiskOutcome.APPROVE:
        return Signal(decision.payment_intent_id, Trigger.RISK_APPROVED, decision.assessment_id)
    error = declined_by_risk(decision.rules)
    return Signal(decision.payment_intent_id, Trigger.RISK_DECLINED, decision.assessment_id, error)


def _post(intent: Intent) -> PostTransfer:
    return PostTransfer.model_construct(
        transfer_id=intent.current.transfer_id,
        debit_account=intent.source_wallet,
        credit_account=intent.destination_wallet,
        amount=intent.amount,
        currency=intent.currency,
        authorised_by=intent.customer,
        reference=intent.id,
    )
