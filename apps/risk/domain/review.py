"""Reviews: what an analyst decides about payments that the rules do not decide about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from apps.risk.domain.assessing import Decision, Made
from apps.risk.domain.cases import Case, CaseRefusal, Change, NewCase, Opinion, decide
from apps.risk.domain.features.entities import Subject
from contracts.ids import made_at
from contracts.risk import CaseKind, FiredRule, RiskOutcome

ANALYST = "analyst"
"""The name of the rule by which an analyst declines."""
LONGEST_TITLE = 200


class ReviewRefusal(Enum):
    """Why an analyst's decision is refused; the first one that applies, from top to bottom, is the answer."""

    OUTCOME_INVALID = "outcome_invalid"
    REVIEW_NOT_FOUND = "review_not_found"
    REVIEW_DECIDED = "review_decided"
    REVIEW_CANCELED = "review_canceled"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return _DETAILS[self]


_DETAILS = {
    ReviewRefusal.OUTCOME_INVALID: "An analyst approves or declines a payment.",
    ReviewRefusal.REVIEW_NOT_FOUND: "No payment with this id is or was under review.",
    ReviewRefusal.REVIEW_DECIDED: "An analyst has decided about this payment already.",
    ReviewRefusal.REVIEW_CANCELED: "The payment was canceled, or has gone through by the answer at the deadline:"
    " there is nothing to decide any more.",
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


def case_of(made: Made) -> NewCase:
    """Return the case to open about a payment that is to be reviewed."""
    assessment = made.assessment
    fired = ", ".join(rule.name for rule in made.decision.rules)
    return NewCase(
        id=assessment.id,
        kind=CaseKind.PAYMENT,
        title=f"A payment under review: {fired or 'its score'}"[:LONGEST_TITLE],
        customer=assessment.subject.payer,
        payment_intent_id=assessment.payment_intent_id,
        amount=assessment.subject.amount,
        currency=assessment.subject.currency,
    )


@dataclass(frozen=True, slots=True)
class Ruled:
    """A wish that was carried out: the change of the review's case, and the verdict where that closes it.

    Without a verdict another analyst has to decide too.
    """

    wish: Wish
    review: Review
    change: Change
    verdict: Verdict | None


def decide_reviews(
    reviews: Mapping[UUID, Review], cases: Mapping[UUID, Case], wishes: Sequence[Wish], now: datetime
) -> list[Ruled | ReviewRefusal | CaseRefusal]:
    """Return what becomes of each wish, in order.

    `reviews` are the payments' newest, by payment intent; `cases` are theirs, by assessment. A review is decided
    without a claim, unless another analyst has its case in hand.
    """
    now_at = dict(cases)
    outcomes: list[Ruled | ReviewRefusal | CaseRefusal] = []
    for wish in wishes:
        review = reviews.get(wish.payment_intent_id)
        case = now_at.get(review.assessment_id) if review else None
        outcome = _decide(review, case, wish, now) if review and case else _refused(wish)
        if isinstance(outcome, Ruled):
            now_at[outcome.change.case.id] = outcome.change.case
        outcomes.append(outcome)
    return outcomes


def verdict_of(review: Review, case: Case) -> Verdict:
    """Return what follows for a review from its case, which is decided."""
    if case.standing is None or case.outcome is None or case.closed_at is None:
        raise ValueError(f"the case {case.id} is not decided")
    stands = case.standing
    wish = Wish(review.payment_intent_id, case.outcome, stands.decided_by, stands.reason)
    return Verdict(review, wish, case.closed_at)


def _decide(review: Review, case: Case, wish: Wish, now: datetime) -> Ruled | ReviewRefusal | CaseRefusal:
    change = decide(case, Opinion(wish.outcome, wish.decided_by, wish.note, now), unclaimed=True)
    if isinstance(change, CaseRefusal):
        if change is CaseRefusal.CASE_CLOSED:
            return ReviewRefusal.REVIEW_DECIDED if case.outcome else ReviewRefusal.REVIEW_CANCELED
        return ReviewRefusal.OUTCOME_INVALID if change is CaseRefusal.OUTCOME_INVALID else change
    return Ruled(wish, review, change, verdict_of(review, change.case) if change.case.is_closed else None)


def _refused(wish: Wish) -> ReviewRefusal:
    is_review = wish.outcome is RiskOutcome.REVIEW
    return ReviewRefusal.OUTCOME_INVALID if is_review else ReviewRefusal.REVIEW_NOT_FOUND


def subject_of(review: Review) -> Subject:
    """Return what is known of a payment whose request was not stored: of before requests were."""
    return Subject(
        assessment_id=review.assessment_id,
        payer=review.payer,
        amount=review.amount,
        currency=review.currency,
        asked_at=made_at(review.assessment_id),
    )
