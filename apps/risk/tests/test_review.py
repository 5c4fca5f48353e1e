"""Analysts' decisions in memory: in any batches, each review is decided by the first wish that can decide it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from apps.risk.domain.review import Review, ReviewRefusal, Verdict, Wish, approved_money, decide_reviews
from contracts.risk import RiskOutcome

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
Outcome = Verdict | ReviewRefusal


def _in_batches(reviews: Mapping[UUID, Review], wishes: Sequence[Wish], cuts: Sequence[int]) -> list[Outcome]:
    """Decide in several batches, closing after each what it has decided."""
    known, outcomes = dict(reviews), list[Outcome]()
    bounds = sorted({0, *(min(cut, len(wishes)) for cut in cuts), len(wishes)})
    for start, end in pairwise(bounds):
        batch = decide_reviews(known, wishes[start:end], NOW)
        for verdict in batch:
            if isinstance(verdict, Verdict):
                known[verdict.review.payment_intent_id] = replace(verdict.review, is_open=False)
        outcomes += batch
    return outcomes


@given(REVIEWS, WISHES, st.lists(st.integers(0, 12)))
def test_any_split_decides_the_same_and_the_first_good_wish_wins(
    reviews: dict[UUID, Review], wishes: list[Wish], cuts: list[int]
) -> None:
    outcomes = _in_batches(reviews, wishes, cuts)
    comparable = [(o.review.assessment_id, o.wish) if isinstance(o, Verdict) else o for o in outcomes]
    closed = {i for i, review in reviews.items() if not review.is_open}
    expected: list[object] = []
    for wish in wishes:
        if wish.outcome is RiskOutcome.REVIEW:
            expected.append(ReviewRefusal.OUTCOME_INVALID)
        elif wish.payment_intent_id not in reviews:
            expected.append(ReviewRefusal.REVIEW_NOT_FOUND)
        elif wish.payment_intent_id in closed:
            expected.append(ReviewRefusal.REVIEW_DECIDED)
        else:
            closed.add(wish.payment_intent_id)
            expected.append((reviews[wish.payment_intent_id].assessment_id, wish))
    assert comparable == expected


@given(REVIEWS, WISHES)
def test_exactly_the_approved_money_counts(reviews: dict[UUID, Review], wishes: list[Wish]) -> None:
    verdicts = [o for o in decide_reviews(reviews, wishes, NOW) if isinstance(o, Verdict)]
    additions = approved_money(verdicts)
    approved = [v.review for v in verdicts if v.decision.outcome is RiskOutcome.APPROVE]
    assert len({bucket for bucket, _ in additions}) == len(additions)
    assert all(count.payments == 0 for _, count in additions)
    for payer, currency in {(r.payer, r.currency) for r in reviews.values()}:
        counted = sum(c.amount for b, c in additions if (b.payer, b.currency) == (payer, currency))
        assert counted == sum(r.amount for r in approved if (r.payer, r.currency) == (payer, currency))
