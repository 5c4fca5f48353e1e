"""What is computed of amounts and of known frauds, beside what is counted payment by payment."""

from statistics import fmean, pstdev

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.risk.domain.features.labels import DAY, RUN_SECONDS, UNKNOWN, Labelled, label_features
from apps.risk.domain.features.profile import profile_features
from apps.risk.domain.features.state import Spent

NOTHING = Spent()
UNKNOWN_PROFILE = {
    "payer_mean_amount_30d": 0.0,
    "payer_amount_ratio": 1.0,
    "payer_amount_deviation": 0.0,
    "payer_amount_variation_30d": -1.0,
    "payer_amount_trend": -1.0,
}


def _spent(amounts: list[int]) -> Spent:
    return Spent(len(amounts), sum(amounts), sum(amount * amount for amount in amounts))


@given(st.integers(1, 10**6), st.lists(st.integers(1, 10**6), min_size=2, max_size=50))
@example(1, [99_974, 99_982, 99_991])
def test_an_amount_is_compared_with_those_of_before(amount: int, amounts: list[int]) -> None:
    mean, spread = fmean(amounts), pstdev(amounts)
    found = profile_features(amount, NOTHING, _spent(amounts))
    assert found["payer_mean_amount_30d"] == pytest.approx(mean)
    assert found["payer_amount_ratio"] == pytest.approx(amount / mean)
    assert found["payer_amount_variation_30d"] == pytest.approx(spread / mean, abs=1e-6)
    assert found["payer_amount_deviation"] * spread == pytest.approx(amount - mean if spread else 0, abs=1e-3)


def test_what_too_little_was_paid_for_is_unknown() -> None:
    assert profile_features(100, NOTHING, NOTHING) == UNKNOWN_PROFILE
    assert profile_features(100, NOTHING, _spent([5]))["payer_amount_variation_30d"] == -1
    assert profile_features(100, _spent([9, 9]), _spent([1, 1, 9, 9]))["payer_amount_trend"] == pytest.approx(9 / 5)


def test_a_run_of_frauds_ends_at_the_newest_good_payment() -> None:
    buckets = [Labelled(0, 2, 2), Labelled(DAY, 1, 1), Labelled(3 * DAY, 3, 1), Labelled(4 * DAY, 5, 5)]
    assert label_features("payee", buckets) == {
        "payee_frauds_7d": 9,
        "payee_labelled_7d": 11,
        "payee_fraud_rate_7d": 9 / 11,
        "payee_frauds_30d": 9,
        "payee_labelled_30d": 11,
        "payee_fraud_rate_30d": 9 / 11,
        "payee_fraud_run": 4,
        "payee_fraud_run_days": 3,
        "payee_good_days": 3,
        "payee_fraud_days": 0,
    }


@given(st.lists(st.tuples(st.integers(0, 40 * DAY), st.booleans()), max_size=40))
def test_any_labels_are_counted_as_one_by_one(payments: list[tuple[int, bool]]) -> None:
    """One bucket for each payment: then what is said of buckets is what is said of payments."""
    newest_first = sorted(payments)
    found = label_features("payee", [Labelled(ago, 1, int(fraud)) for ago, fraud in newest_first])
    seen = [(ago, fraud) for ago, fraud in newest_first if ago < RUN_SECONDS]
    run = 0
    for _, fraud in seen:
        if not fraud:
            break
        run += 1
    assert found["payee_frauds_7d"] == sum(fraud for ago, fraud in seen if ago < 7 * DAY)
    assert found["payee_labelled_30d"] == len(seen)
    assert found["payee_fraud_run"] == run
    assert found["payee_good_days"] == next((ago / DAY for ago, fraud in seen if not fraud), UNKNOWN)
    assert found["payee_fraud_days"] == next((ago / DAY for ago, fraud in seen if fraud), UNKNOWN)
