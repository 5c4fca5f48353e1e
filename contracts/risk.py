"""Messages of the risk service."""

from enum import StrEnum

from pydantic import UUID7, AwareDatetime

from contracts.message import Message, command, decision
from contracts.money import Amount, Currency


class RiskOutcome(StrEnum):
    """What risk says about a payment."""

    APPROVE = "approve"
    DECLINE = "decline"


@command("risk", "assess", senders=("payments",))
class Assess(Message):
    """Decide about a payment. The decision goes to the envelope's `replyto`: `risk.decisions.<requester>`."""

    assessment_id: UUID7
    payment_intent_id: UUID7
    payer: UUID7
    source_wallet: UUID7
    destination_wallet: UUID7
    amount: Amount
    currency: Currency


class FiredRule(Message):
    """A rule that spoke against the payment, and the values it saw."""

    name: str
    reason: str


@decision("risk", "decision")
class RiskDecision(Message):
    """The outcome of an assessment; `rules` names each rule that fired, in the order of the rule set."""

    assessment_id: UUID7
    payment_intent_id: UUID7
    outcome: RiskOutcome
    rules: list[FiredRule]
    decided_at: AwareDatetime
