"""Assessing payments one after the other, each on what the ones before it have added to its payer's history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from apps.risk.domain.history import Bucket, Count, History, Seen, minute_of
from apps.risk.domain.rules import Rule, judge
from contracts.risk import FiredRule, RiskOutcome


@dataclass(frozen=True, slots=True)
class Assessment:
    """A payment to decide about, and when it was asked for: a backlog must not look like a burst.

    The decision goes to `subject`. What a processor brings has no source wallet, what goes to a bank no destination.
    """

    id: UUID
    payment_intent_id: UUID
    payer: UUID
    amount: int
    currency: str
    asked_at: datetime
    subject: str
    source_wallet: UUID | None = None
    destination_wallet: UUID | None = None
    direction: str = "payment"
    method: str = "wallet"
    authenticated_at: datetime | None = None

    @property
    def authenticated_ago(self) -> timedelta | None:
        """How long before it was asked for the payer proved who they are; None where no person asked."""
        return None if self.authenticated_at is None else self.asked_at - self.authenticated_at

    @property
    def bucket(self) -> Bucket:
        """Where it counts."""
        return Bucket(self.payer, self.currency, minute_of(self.asked_at))


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided. It stands for ever, but for a review: an analyst's decision takes its place."""

    assessment_id: UUID
    payment_intent_id: UUID
    payer: UUID
    outcome: RiskOutcome
    rules: tuple[FiredRule, ...]
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision about each assessment, in order; what of it is new; and what is added to the payers' history.

    `to_review` are the assessments that an analyst has to decide about from now on.
    """

    decisions: Sequence[Decision]
    new: Sequence[Decision]
    to_review: Sequence[Assessment]
    additions: Sequence[tuple[Bucket, Count]]


def decide(
    rules: Sequence[Rule],
    recorded: Mapping[Bucket, Seen],
    known: Mapping[UUID, Decision],
    assessments: Sequence[Assessment],
    now: datetime,
) -> Decided:
    """Decide about assessments in order; one that was decided before keeps its decision and counts no second time.

    Raises ValueError when an assessment's id was used for another payment: its sender is at fault.
    """
    history, by_id = History(recorded), dict(known)
    decisions, new, to_review = [], [], []
    for assessment in assessments:
        decision = by_id.get(assessment.id)
        if decision is None:
            decision = _decide_one(rules, history, assessment, now)
            by_id[assessment.id] = decision
            new.append(decision)
            if decision.outcome is RiskOutcome.REVIEW:
                to_review.append(assessment)
        elif (decision.payment_intent_id, decision.payer) != (assessment.payment_intent_id, assessment.payer):
            raise ValueError(f"assessment {assessment.id} was asked for about another payment before")
        decisions.append(decision)
    return Decided(decisions, new, to_review, history.additions())


def _decide_one(rules: Sequence[Rule], history: History, assessment: Assessment, now: datetime) -> Decision:
    bucket = assessment.bucket
    seen = history.features(bucket, assessment.amount, assessment.asked_at.second)
    features = replace(seen, authenticated_ago=assessment.authenticated_ago)
    outcome, fired = judge(rules, features)
    history.add(bucket, assessment.amount if outcome is RiskOutcome.APPROVE else 0)
    return Decision(assessment.id, assessment.payment_intent_id, assessment.payer, outcome, fired, now)
