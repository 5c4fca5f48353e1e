"""Assessing in memory: a batch in any split gives the same decisions, and equals an obviously correct count."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.risk.domain.assessment import Assessment, Decided, Decision, decide
from apps.risk.domain.history import MINUTES_IN_WINDOW, Bucket, Count, Seen
from apps.risk.domain.rules import Limits, rule_set
from contracts.risk import RiskOutcome

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SUBJECT = "risk.decisions.payments"
RULES = rule_set(Limits(amount=100, hourly_volume=300, payments_per_minute=4, large_amount=90))
ASSESSMENTS = st.builds(
    Assessment,
    id=st.integers(1, 40).map(lambda n: UUID(int=n)),
    payment_intent_id=st.just(UUID(int=99)),
    payer=st.just(UUID(int=7)),
    amount=st.sampled_from([10_00, 80_00, 95_00, 101_00]),
    currency=st.sampled_from(["EUR", "EUR", "USD"]),
    asked_at=st.sampled_from([0, 1, 40, 61, 119, 121, 3599, 3660, 3725]).map(lambda s: NOW + timedelta(seconds=s)),
    subject=st.just(SUBJECT),
)


class Shelf:
    """What the database would hold, in plain dictionaries, read by the definitions of the features."""

    def __init__(self) -> None:
        self.buckets: dict[Bucket, Count] = {}
        self.decisions: dict[UUID, Decision] = {}

    def assess(self, assessments: Sequence[Assessment]) -> Decided:
        known = {a.id: self.decisions[a.id] for a in assessments if a.id in self.decisions}
        decided = decide(RULES, {a.bucket: self._seen(a.bucket) for a in assessments}, known, assessments, NOW)
        for bucket, added in decided.additions:
            count = self.buckets.setdefault(bucket, Count())
            count.payments += added.payments
            count.amount += added.amount
        self.decisions |= {d.assessment_id: d for d in decided.new}
        return decided

    def _seen(self, asked: Bucket) -> Seen:
        payments, volume = {0: 0, 1: 0}, 0
        for bucket, count in self.buckets.items():
            age = asked.minute - bucket.minute
            if age in payments and bucket.payer == asked.payer:
                payments[age] += count.payments
            if 0 <= age <= MINUTES_IN_WINDOW and (bucket.payer, bucket.currency) == (asked.payer, asked.currency):
                volume += count.amount
        return Seen(volume, payments[0], payments[1])


@given(st.lists(ASSESSMENTS, max_size=40), st.lists(st.integers(0, 40)))
def test_any_split_of_a_batch_decides_the_same(assessments: list[Assessment], cuts: list[int]) -> None:
    whole, split = Shelf(), Shelf()
    expected = list(whole.assess(assessments).decisions)
    bounds = sorted({0, *(min(cut, len(assessments)) for cut in cuts), len(assessments)})
    decisions = [d for start, end in pairwise(bounds) for d in split.assess(assessments[start:end]).decisions]
    assert decisions == expected
    assert split.buckets == whole.buckets


def _payments(count: int, amount: int = 10_00, second: int = 0, first_id: int = 1) -> list[Assessment]:
    at = NOW + timedelta(seconds=second)
    ids = (UUID(int=first_id + n) for n in range(count))
    return [Assessment(i, UUID(int=99), UUID(int=7), amount, "EUR", at, SUBJECT) for i in ids]


def _declined_by(decisions: Sequence[Decision]) -> list[str]:
    return [d.rules[0].name if d.outcome is RiskOutcome.DECLINE else "" for d in decisions]


def _one(shelf: Shelf, amount: int, second: int) -> str:
    [name] = _declined_by(shelf.assess(_payments(1, amount, second, first_id=1000 + second)).decisions)
    return name


def test_velocity_counts_attempts_of_the_last_sixty_seconds() -> None:
    shelf = Shelf()
    assert _declined_by(shelf.assess(_payments(5)).decisions) == ["", "", "", "", "velocity"]
    # Five attempts in the minute before: at its first second all count, half a minute later half of them.
    assert [_one(shelf, 1, second) for second in (60, 90, 180)] == ["velocity", "", ""]


def test_volume_counts_approved_payments_of_the_last_hour() -> None:
    shelf = Shelf()
    assert _declined_by(shelf.assess(_payments(3, amount=99_00)).decisions) == ["", "", ""]
    assert _one(shelf, 101_00, 120) == "amount_limit"
    assert _one(shelf, 3_01, 240) == "hourly_volume"
    assert _one(shelf, 3_00, 360) == ""
    assert _one(shelf, 99_00, 3600) == "hourly_volume"
    assert _one(shelf, 99_00, 3660) == ""


def test_the_age_of_an_authentication_is_that_when_the_payment_was_asked_for() -> None:
    [payment] = _payments(1, amount=81_00)
    rules = rule_set(Limits(step_up_amount=80, step_up_after=timedelta(seconds=60)))
    for seconds, expected in ((60, ""), (61, "authentication_required")):
        asked = replace(payment, authenticated_at=NOW - timedelta(seconds=seconds))
        decided = decide(rules, {}, {}, [asked], NOW + timedelta(hours=1))
        assert _declined_by(decided.decisions) == [expected]


def test_an_assessment_of_another_payment_under_a_used_id_is_an_error() -> None:
    [first] = _payments(1)
    other = replace(first, payment_intent_id=UUID(int=98))
    with pytest.raises(ValueError, match="another payment"):
        decide(RULES, {}, {}, [first, other], NOW)
