"""Reviews: what an analyst decides about payments that the rules do not decide about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from apps.risk.domain.assessment import Decision
from apps.risk.domain.history import Bucket, Count, History, minute_of
from contracts.risk import FiredRule, RiskOutcome

ANALYST = "analyst"
"""The name of the rule by which an analyst declines."""


class ReviewRefusal(Enum):
    """Why an analyst's decision is refused; the first one that applies, from top to bottom, is the answer."""

    OUTCOME_INVALID = "outcome_invalid"
    REVIEW_NOT_FOUND = "review_not_found"
    REVIEW_DECIDED = "review_decided"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return _DETAILS[self]


_DETAILS = {
    ReviewRefusal.OUTCOME_INVALID: "An analyst approves or declines a payment.",
    ReviewRefusal.REVIEW_NOT_FOUND: "No payment with this id is or was under review.",
    ReviewRefusal.REVIEW_DECIDED: "An analyst has decided about this payment already.",
}


@dataclass(frozen=True, slots=True)
class Review:
    """The newest review of a payment; the decision about it goes to `subject`."""

    assessment_id: UUID
    payment_intent_id: UUID
    payer: UUID
    amount: int
    currency: str
    subject: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """What an analyst wants to happen with a payment, and why."""

    payment_intent_id: UUID
    outcome: RiskOutcome
    decided_by: UUID
    note: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """An analyst's decision about a review; it stands for ever."""

    review: Review
    wish: Wish
    decided_at: datetime

    @property
    def decision(self) -> Decision:
        """The decision that takes the place of the one that asked for a review."""
        review, wish = self.review, self.wish
        rules = analysts_rules(wish.outcome, wish.note)
        return Decision(
            review.assessment_id, review.payment_intent_id, review.payer, wish.outcome, rules, self.decided_at
        )


def analysts_rules(outcome: RiskOutcome, note: str) -> tuple[FiredRule, ...]:
    """Return what spoke against a payment: nothing if it is approved, otherwise the analyst."""
    return (FiredRule(name=ANALYST, reason=note),) if outcome is RiskOutcome.DECLINE else ()


def decide_reviews(
    reviews: Mapping[UUID, Review], wishes: Sequence[Wish], now: datetime
) -> list[Verdict | ReviewRefusal]:
    """Return what becomes of each wish, in order; `reviews` are the payments' newest, by payment intent."""
    decided: set[UUID] = set()
    outcomes: list[Verdict | ReviewRefusal] = []
    for wish in wishes:
        review = reviews.get(wish.payment_intent_id)
        if wish.outcome is RiskOutcome.REVIEW:
            outcomes.append(ReviewRefusal.OUTCOME_INVALID)
        elif review is None:
            outcomes.append(ReviewRefusal.REVIEW_NOT_FOUND)
        elif not review.is_open or review.assessment_id in decided:
            outcomes.append(ReviewRefusal.REVIEW_DECIDED)
        else:
            decided.add(review.assessment_id)
            outcomes.append(Verdict(review, wish, now))
    return outcomes


def approved_money(verdicts: Sequence[Verdict]) -> list[tuple[Bucket, Count]]:
    """Return what verdicts add to the payers' history: the money moves now, whenever it was asked for."""
    history = History({})
    for verdict in verdicts:
        if verdict.wish.outcome is RiskOutcome.APPROVE:
            review = verdict.review
            bucket = Bucket(review.payer, review.currency, minute_of(verdict.decided_at))
            history.add_approved(bucket, review.amount)
    return history.additions()
