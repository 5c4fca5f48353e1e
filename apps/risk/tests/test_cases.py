"""Cases in memory: whatever analysts try and whenever, nobody decides without a claim, and two never are one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.risk.domain import cases
from apps.risk.domain.cases import Case, CasePolicy, CaseRefusal, Change, NewCase, Opinion
from contracts.risk import MOST_CASE_EVENTS, CaseEventKind, CaseKind, CaseStatus, RiskOutcome

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
POLICY = CasePolicy(100, decided_within=timedelta(hours=24), claimed_for=timedelta(minutes=30))
ANN, BEN, EVE, PAYER = (UUID(int=n) for n in range(1, 5))
APPROVE, DECLINE = RiskOutcome.APPROVE, RiskOutcome.DECLINE

Step = Callable[[Case, datetime], Change | CaseRefusal]


def a_case(amount: int = 50_00) -> Case:
    new = NewCase(UUID(int=9), CaseKind.PAYMENT, "Why", PAYER, UUID(int=8), amount, "EUR")
    return cases.opened(new, POLICY, NOON)


def done(outcome: Change | CaseRefusal) -> Case:
    assert isinstance(outcome, Change)
    return outcome.case


def decided(case: Case, analyst: UUID, outcome: RiskOutcome, at: datetime = NOON) -> Change | CaseRefusal:
    return cases.decide(case, Opinion(outcome, analyst, "Because", at))


def claimed(case: Case, analyst: UUID, at: datetime = NOON) -> Case:
    return done(cases.claim(case, analyst, POLICY, at))


def test_a_small_amount_takes_one_analyst_who_has_claimed_it() -> None:
    assert decided(a_case(), ANN, APPROVE) is CaseRefusal.CASE_NOT_CLAIMED
    case = done(decided(claimed(a_case(), ANN), ANN, APPROVE))
    assert (case.status, case.outcome, case.claimed_at(NOON)) == (CaseStatus.DECIDED, APPROVE, None)


def test_nobody_decides_about_their_own_payment() -> None:
    assert cases.claim(a_case(), PAYER, POLICY, NOON) is CaseRefusal.OWN_ACCOUNT
    own = cases.decide(a_case(), Opinion(APPROVE, PAYER, "I need it", NOON), unclaimed=True)
    assert own is CaseRefusal.OWN_ACCOUNT


@pytest.mark.parametrize(("amount", "four_eyes"), [(100_00, False), (100_01, True)])
def test_two_decide_above_the_amount(amount: int, *, four_eyes: bool) -> None:
    assert a_case(amount).four_eyes is four_eyes


@pytest.mark.parametrize(
    ("first", "second", "outcome", "stands"),
    [
        (APPROVE, APPROVE, APPROVE, BEN),
        (DECLINE, DECLINE, DECLINE, BEN),
        (APPROVE, DECLINE, DECLINE, BEN),
        (DECLINE, APPROVE, DECLINE, ANN),
    ],
)
def test_two_must_agree_to_approve(first: RiskOutcome, second: RiskOutcome, outcome: RiskOutcome, stands: UUID) -> None:
    waiting = done(decided(claimed(a_case(500_00), ANN), ANN, first))
    assert (waiting.status, waiting.outcome) == (CaseStatus.AWAITING_SECOND_DECISION, None)
    assert cases.claim(waiting, ANN, POLICY, NOON) is CaseRefusal.SECOND_ANALYST_REQUIRED
    assert decided(waiting, ANN, second) is CaseRefusal.SECOND_ANALYST_REQUIRED
    case = done(decided(claimed(waiting, BEN), BEN, second))
    assert (case.status, case.outcome) == (CaseStatus.DECIDED, outcome)
    assert case.standing is not None
    assert case.standing.decided_by == stands


def test_a_claim_holds_until_it_expires() -> None:
    case = claimed(a_case(), ANN)
    before, after = NOON + timedelta(minutes=29), NOON + timedelta(minutes=30)
    assert case.status_at(before) is CaseStatus.CLAIMED
    assert cases.claim(case, BEN, POLICY, before) is CaseRefusal.CASE_CLAIMED
    assert case.status_at(after) is CaseStatus.OPEN
    assert decided(case, ANN, APPROVE, after) is CaseRefusal.CASE_NOT_CLAIMED
    assert claimed(case, BEN, after).claimed_at(after) == BEN
    assert claimed(case, ANN, before).claimed_at(after) == ANN
    assert cases.release(case, BEN, before) is CaseRefusal.CASE_NOT_CLAIMED
    assert done(cases.release(case, ANN, before)).claimed_at(before) is None


def test_a_full_case_can_still_be_decided() -> None:
    case = replace(claimed(a_case(), ANN), events=MOST_CASE_EVENTS - cases.KEPT_FOR_DECISIONS)
    assert cases.write(case, CaseEventKind.NOTE, ANN, {}, NOON) is CaseRefusal.CASE_FULL
    assert cases.claim(case, ANN, POLICY, NOON) is CaseRefusal.CASE_FULL
    # Without room for a claim the decision is that of whoever nobody keeps from it: on /v1/reviews.
    assert done(cases.decide(case, Opinion(APPROVE, ANN, "Because", NOON), unclaimed=True)).is_closed


def test_a_closed_case_is_written_on_and_nothing_else() -> None:
    for closed in (done(cases.cancel(a_case(), "Canceled", NOON)), done(decided(claimed(a_case(), ANN), ANN, DECLINE))):
        assert cases.claim(closed, BEN, POLICY, NOON) is CaseRefusal.CASE_CLOSED
        assert cases.release(closed, ANN, NOON) is CaseRefusal.CASE_CLOSED
        assert decided(closed, BEN, APPROVE) is CaseRefusal.CASE_CLOSED
        assert cases.cancel(closed, "Again", NOON) is CaseRefusal.CASE_CLOSED
        assert done(cases.write(closed, CaseEventKind.NOTE, BEN, {}, NOON)).status is closed.status


def test_it_is_overdue_until_it_is_decided() -> None:
    late = NOON + timedelta(hours=24)
    case = a_case()
    assert [case.is_overdue(at) for at in (late - timedelta(seconds=1), late)] == [False, True]
    assert not done(cases.cancel(case, "Canceled", late)).is_overdue(late)


@st.composite
def steps(draw: st.DrawFn) -> tuple[str, UUID, RiskOutcome, timedelta]:
    kind = draw(st.sampled_from(["claim", "release", "note", "decide", "review", "cancel"]))
    outcome = draw(st.sampled_from([APPROVE, DECLINE, DECLINE, APPROVE, RiskOutcome.REVIEW]))
    return kind, draw(st.sampled_from([ANN, BEN, EVE])), outcome, timedelta(minutes=draw(st.integers(0, 40)))


def _take(case: Case, kind: str, analyst: UUID, outcome: RiskOutcome, now: datetime) -> Change | CaseRefusal:
    opinion = Opinion(outcome, analyst, "Because", now)
    taken: dict[str, Callable[[], Change | CaseRefusal]] = {
        "claim": lambda: cases.claim(case, analyst, POLICY, now),
        "release": lambda: cases.release(case, analyst, now),
        "note": lambda: cases.write(case, CaseEventKind.NOTE, analyst, {}, now),
        "decide": lambda: cases.decide(case, opinion),
        "review": lambda: cases.decide(case, opinion, unclaimed=True),
        "cancel": lambda: cases.cancel(case, "Canceled", now),
    }
    return taken[kind]()


@given(st.sampled_from([50_00, 500_00]), st.lists(steps(), max_size=60))
def test_whatever_is_tried(amount: int, tried: list[tuple[str, UUID, RiskOutcome, timedelta]]) -> None:
    case, now = a_case(amount), NOON
    decisions: list[UUID] = []
    for kind, analyst, outcome, passed in tried:
        now += passed
        holder, before = case.claimed_at(now), case
        change = _take(case, kind, analyst, outcome, now)
        if isinstance(change, CaseRefusal):
            continue
        case = change.case
        assert (change.event.number, case.events) == (before.events + 1, before.events + 1)
        assert case.events <= MOST_CASE_EVENTS
        if before.is_closed:
            assert change.event.kind is CaseEventKind.NOTE
            assert replace(case, events=before.events) == before
        if change.event.kind is CaseEventKind.DECISION:
            assert holder == analyst or (kind == "review" and holder is None)
            decisions.append(analyst)
        if kind == "claim":
            assert holder in {None, analyst}
    assert len(decisions) == len(set(decisions)) <= (2 if case.four_eyes else 1)
    assert (case.status is CaseStatus.DECIDED) == (case.outcome is not None)
    if case.status is CaseStatus.DECIDED:
        assert len(decisions) == (2 if case.four_eyes else 1)
        opinions = [opinion.outcome for opinion in (case.first, case.last) if opinion]
        assert case.outcome is (APPROVE if set(opinions) == {APPROVE} else DECLINE)
