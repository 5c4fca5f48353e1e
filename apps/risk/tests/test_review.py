"""Analysts' decisions in memory: in any batches, each review is decided by the first wish that can decide it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from apps.risk.domain.cases import Case, CaseRefusal
from apps.risk.domain.review import Review, ReviewRefusal, Ruled, Wish, decide_reviews
from contracts.risk import CaseKind, CaseStatus, RiskOutcome

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAYMENTS = [UUID(int=n) for n in range(1, 6)]
REVIEWS = st.dictionaries(
    st.sampled_from(PAYMENTS),
    st.builds(
        Review,
        assessment_id=st.just(UUID(int=0)),
        payment_intent_id=st.just(UUID(int=0)),
        payer=st.sampled_from([UUID(int=71), UUID(int=72)]),
        amount=st.integers(1, 100),
        currency=st.sampled_from(["EUR", "USD"]),
        subject=st.just("risk.decisions.payments"),
        is_open=st.booleans(),
    ),
).map(lambda found: {i: replace(r, assessment_id=UUID(int=900 + i.int), payment_intent_id=i) for i, r in found.items()})
WISHES = st.lists(
    st.builds(Wish, st.sampled_from(PAYMENTS), st.sampled_from(RiskOutcome), st.just(UUID(int=5)), st.just("Why.")),
    max_size=12,
)
Outcome = Ruled | ReviewRefusal | CaseRefusal


def _case_of(review: Review) -> Case:
    """Return the case of a review; those of closed ones are canceled here."""
    return Case(
        id=review.assessment_id,
        kind=CaseKind.PAYMENT,
        title="A payment under review",
        customer=review.payer,
        payment_intent_id=review.payment_intent_id,
        amount=review.amount,
        currency=review.currency,
        four_eyes=False,
        opened_at=NOW,
        due_at=NOW,
        status=CaseStatus.OPEN if review.is_open else CaseStatus.CANCELED,
    )


def _in_batches(reviews: Mapping[UUID, Review], wishes: Sequence[Wish], cuts: Sequence[int]) -> list[Outcome]:
    """Decide in several batches, keeping after each what has become of the cases."""
    cases = {review.assessment_id: _case_of(review) for review in reviews.values()}
    outcomes = list[Outcome]()
    bounds = sorted({0, *(min(cut, len(wishes)) for cut in cuts), len(wishes)})
    for start, end in pairwise(bounds):
        batch = decide_reviews(reviews, cases, wishes[start:end], NOW)
        for ruled in batch:
            if isinstance(ruled, Ruled):
                cases[ruled.review.assessment_id] = ruled.change.case
        outcomes += batch
    return outcomes


@given(REVIEWS, WISHES, st.lists(st.integers(0, 12)))
def test_any_split_decides_the_same_and_the_first_good_wish_wins(
    reviews: dict[UUID, Review], wishes: list[Wish], cuts: list[int]
) -> None:
    outcomes = _in_batches(reviews, wishes, cuts)
    comparable = [(o.review.assessment_id, o.wish) if isinstance(o, Ruled) else o for o in outcomes]
    assert all(o.verdict and o.verdict.wish == o.wish for o in outcomes if isinstance(o, Ruled))
    closed = {i for i, review in reviews.items() if not review.is_open}
    canceled = frozenset(closed)
    expected: list[object] = []
    for wish in wishes:
        if wish.outcome is RiskOutcome.REVIEW:
            expected.append(ReviewRefusal.OUTCOME_INVALID)
        elif wish.payment_intent_id not in reviews:
            expected.append(ReviewRefusal.REVIEW_NOT_FOUND)
        elif wish.payment_intent_id in canceled:
            expected.append(ReviewRefusal.REVIEW_CANCELED)
        elif wish.payment_intent_id in closed:
            expected.append(ReviewRefusal.REVIEW_DECIDED)
        else:
            closed.add(wish.payment_intent_id)
            expected.append((reviews[wish.payment_intent_id].assessment_id, wish))
    assert comparable == expected
