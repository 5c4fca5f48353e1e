"""What is left of limits, what comes free, and who is in which tier: against brute force, in any order, repeated."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from apps.risk.domain.assessing import Assessment, Deciding
from apps.risk.domain.customers import Customer, TierRefusal, Told, learn, set_by_hand
from apps.risk.domain.features.computing import NO_LIMIT, Context
from apps.risk.domain.features.entities import Subject, entities_of
from apps.risk.domain.features.state import State
from apps.risk.domain.limits import (
    Counted,
    Ended,
    Left,
    Limit,
    Release,
    Use,
    day_of,
    first_of_month,
    left_after,
    release,
)
from apps.risk.domain.rule_sets.compiling import CompiledRuleSet
from apps.risk.domain.ruling import Ruling
from apps.risk.tests.rule_sets import document, rule
from contracts.identity import Role, UserEmailVerified, UserRegistered, UserRoleChanged
from contracts.ids import first_id_of, new_id
from contracts.message import Idempotency
from contracts.risk import RiskOutcome, SetTier, Tier

NOW = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
PAYER, USER, ANALYST = new_id(), new_id(), new_id()
RULING = Ruling(CompiledRuleSet.of(document(rule("anything"))))
AMOUNTS = st.integers(1, 500)
LIMITS = st.lists(st.integers(0, 20), min_size=3, max_size=3).map(lambda three: Limit(*sorted(three)))


def _decide(limit: Limit, use: Use, payments: Sequence[tuple[str, int]]) -> list[tuple[bool, int | None]]:
    """Decide about payments (currency, amount) in one batch, as the handler does: what is approved, or would be."""
    subjects = [Subject(new_id(), PAYER, amount, currency, NOW) for currency, amount in payments]
    assessments = [Assessment(subject, new_id(), "risk.decisions.payments") for subject in subjects]
    left = [left_after(limit, 100, use, subject.amount) for subject in subjects]
    contexts = {
        a.id: Context(limit_payment_left=x.payment, limit_day_left=x.day, limit_month_left=x.month)
        for a, x in zip(assessments, left, strict=True)
    }
    states = {entity: State() for subject in subjects for entity in entities_of(subject)}
    deciding = Deciding(RULING, states, contexts, {}, NOW)
    decisions = [deciding.decide(assessment)[0] for assessment in assessments]
    return [(d.outcome is RiskOutcome.APPROVE, d.approvable_amount) for d in decisions]


@given(LIMITS, st.integers(0, 900), st.integers(0, 900), st.lists(st.tuples(st.sampled_from(["EUR", "USD"]), AMOUNTS)))
def test_no_batch_goes_above_a_limit_and_what_is_declined_would_have(
    limit: Limit, day: int, earlier: int, payments: list[tuple[str, int]]
) -> None:
    used = {currency: [day, day + earlier] for currency in ("EUR", "USD")}
    for (currency, amount), (approved, approvable) in zip(
        payments, _decide(limit, Use(day, day + earlier), payments), strict=True
    ):
        of_day, of_month = used[currency]
        most = min(limit.per_payment * 100, limit.per_day * 100 - of_day, limit.per_month * 100 - of_month)
        assert approved is (amount <= most)
        if approved:
            used[currency] = [of_day + amount, of_month + amount]
        else:
            assert approvable == (most if most > 0 else None)


def test_without_a_limit_nothing_is_exceeded() -> None:
    assert left_after(None, 100, Use(10**12, 10**12), 10**12) == Left(NO_LIMIT, NO_LIMIT, NO_LIMIT)


def test_days_and_months_are_those_of_utc() -> None:
    moment = datetime(2026, 4, 1, 1, 30, tzinfo=UTC).astimezone(None)
    east = datetime.fromisoformat("2026-04-01T01:30:00+02:00")
    assert (day_of(moment), day_of(east)) == (date(2026, 4, 1), date(2026, 3, 31))
    assert first_of_month(day_of(east)) == date(2026, 3, 1)


# --- What comes free -------------------------------------------------------------------------------------------------


@st.composite
def _attempts(draw: st.DrawFn) -> tuple[list[Counted], list[Ended], int]:
    """Attempts at one payment: all but the last have failed; the last may have ended with some of its amount kept."""
    amounts = draw(st.lists(AMOUNTS, min_size=1, max_size=4))
    intent, counted, ends = new_id(), [], []
    for number, amount in enumerate(amounts):
        asked_at = NOW + timedelta(seconds=10 * number)
        assessment = first_id_of(asked_at)
        counted.append(Counted(intent, assessment, PAYER, "EUR", amount, day_of(asked_at)))
        if number < len(amounts) - 1:
            ends.append(Ended(intent, asked_at + timedelta(seconds=5), 0))
    left = amounts[-1]
    if draw(st.booleans()):
        left = draw(st.integers(0, amounts[-1]))
        ends.append(Ended(intent, NOW + timedelta(seconds=10 * len(amounts)), left))
    return counted, ends, left


@given(_attempts(), st.data())
def test_in_any_order_with_any_repeats_what_counts_is_what_has_moved_or_is_held(
    attempts: tuple[list[Counted], list[Ended], int], data: st.DataObject
) -> None:
    counted, ends, left = attempts
    told = data.draw(st.permutations([*ends, *data.draw(st.lists(st.sampled_from(ends)) if ends else st.just([]))]))
    used = sum(payment.amount for payment in counted)
    known: dict[UUID, Ended] = {}
    while told:
        size = data.draw(st.integers(1, len(told)))
        batch, told = told[:size], told[size:]
        freed = release(known, batch, counted)
        known |= {end.payment_intent_id: end for end in freed.ends}
        used -= sum(free.amount for free in freed.amounts)
    assert used == left


def test_an_end_frees_nothing_of_the_attempt_after_it_or_of_other_payments() -> None:
    intent, other = new_id(), new_id()
    later = Counted(intent, first_id_of(NOW), PAYER, "EUR", 100, day_of(NOW))
    elsewhere = Counted(other, first_id_of(NOW - timedelta(minutes=1)), PAYER, "EUR", 100, day_of(NOW))
    end = Ended(intent, NOW, 0)
    assert release({}, [end], [later, elsewhere]).amounts == ()
    assert release({}, [end], [later, elsewhere]).ends == (end,)


def test_what_comes_free_is_of_the_day_on_which_it_counted() -> None:
    counted = Counted(new_id(), first_id_of(NOW), PAYER, "JPY", 100, date(2026, 4, 1))
    freed = release({}, [Ended(counted.payment_intent_id, NOW + timedelta(days=2), 30)], [counted])
    assert freed.amounts == (Release(PAYER, "JPY", date(2026, 4, 1), 70),)


# --- Tiers -----------------------------------------------------------------------------------------------------------


def _told() -> st.SearchStrategy[list[Told]]:
    moments = st.integers(0, 5).map(lambda days: NOW + timedelta(days=days))
    roles = st.sampled_from([Role.CUSTOMER, Role.MERCHANT, Role.ANALYST])
    registered = st.builds(UserRegistered, user_id=st.just(USER), role=roles, registered_at=st.just(NOW))
    verified = st.builds(UserEmailVerified, user_id=st.just(USER), verified_at=moments)
    changed = st.builds(
        UserRoleChanged, user_id=st.just(USER), role=roles, changed_by=st.just(ANALYST), changed_at=moments
    )
    return st.tuples(registered, st.lists(verified | changed, max_size=5)).map(lambda all_: [all_[0], *all_[1]])


def _after(told: Sequence[Told]) -> Customer:
    customer = Customer(USER)
    for word in told:
        customer = learn(customer, word)
    return customer


@given(_told(), st.data())
def test_in_any_order_with_any_repeats_a_customer_is_the_same(told: list[Told], data: st.DataObject) -> None:
    again = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told)))]))
    assert _after(again) == _after(told)


def test_tiers_follow_from_registration_address_and_role() -> None:
    registered = UserRegistered(user_id=USER, role=Role.CUSTOMER, registered_at=NOW)
    verified = UserEmailVerified(user_id=USER, verified_at=NOW + timedelta(hours=1))
    merchant, no_longer = (
        UserRoleChanged(user_id=USER, role=role, changed_by=ANALYST, changed_at=NOW + timedelta(days=day))
        for day, role in ((1, Role.MERCHANT), (2, Role.CUSTOMER))
    )
    told: list[Told] = [registered, verified, merchant, no_longer]
    tiers = [_after(told[:words]).tier for words in range(5)]
    assert tiers == [Tier.UNVERIFIED, Tier.UNVERIFIED, Tier.VERIFIED, Tier.BUSINESS, Tier.VERIFIED]
    assert _after([merchant, registered]).tier is Tier.BUSINESS


def test_a_tier_set_by_hand_holds_whatever_identity_tells_until_it_is_taken_back() -> None:
    asked = SetTier(
        user_id=USER,
        tier=Tier.BUSINESS,
        reason="Seen the papers.",
        set_by=ANALYST,
        idempotency=Idempotency(scope="a", key="b", fingerprint="0" * 64),
    )
    by_hand = set_by_hand(Customer(USER), asked, NOW)
    assert isinstance(by_hand, Customer)
    verified = learn(by_hand, UserEmailVerified(user_id=USER, verified_at=NOW))
    assert (by_hand.tier, verified.tier) == (Tier.BUSINESS, Tier.BUSINESS)
    back = set_by_hand(verified, asked.model_copy(update={"tier": None}), NOW)
    assert back == replace(verified, by_hand=None)
    assert back.tier is Tier.VERIFIED
    own = asked.model_copy(update={"set_by": USER})
    assert set_by_hand(Customer(USER), own, NOW) is TierRefusal.OWN_ACCOUNT
