"""The handbook's protocol and metrics, beside what is counted by hand."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from ops.risk_model.errors import RiskModelError
from ops.risk_model.metrics import card_precision, measure
from ops.risk_model.payments_file import LabelledPayments
from ops.risk_model.protocol import Protocol, split

START = date(2018, 6, 3)
PROTOCOL = Protocol(START, 2, 2, 2)


def _payments(*made: tuple[float, int, bool]) -> LabelledPayments:
    """Return payments at (days after the first day of training, customer, is fraud)."""
    times = [(datetime(2018, 6, 3, tzinfo=UTC) + timedelta(days=day)).timestamp() for day, _, _ in made]
    zeros = np.zeros(len(made), np.int64)
    customers = np.array([customer for _, customer, _ in made])
    return LabelledPayments(np.array(times), customers, zeros, zeros, np.array([fraud for *_, fraud in made]))


def test_days_follow_the_first_day_of_training() -> None:
    assert (PROTOCOL.training.last, PROTOCOL.test.first, PROTOCOL.test.last) == (
        date(2018, 6, 4), date(2018, 6, 7), date(2018, 6, 8),
    )  # fmt: skip
    assert Protocol(date(2018, 7, 25)).test.first == date(2018, 8, 8)


def test_cards_are_left_out_of_the_test_once_they_are_known_to_be_compromised() -> None:
    payments = _payments(
        (-0.1, 1, True),  # before training: known to nobody in the protocol
        (0.0, 2, False), (1.99, 3, True),
        (2.5, 4, True), (3.5, 5, True),  # days of delay: known two days after their day ...
        (4.0, 1, False), (4.1, 3, False), (4.2, 4, True), (4.3, 6, True),
        (5.0, 4, False), (5.1, 5, False), (5.2, 3, True), (5.3, 6, False),
        (6.0, 6, True),
    )  # fmt: skip
    found = split(payments, PROTOCOL)
    assert payments.customers[found.train].tolist() == [2, 3]
    # ... and the book counts a day of delay that ends the day before: on day 5, those of day 2.
    assert [(int(found.days[n]), int(payments.customers[n])) for n in found.test] == [
        (4, 1), (4, 4), (4, 6), (5, 5), (5, 6),
    ]  # fmt: skip
    assert found.removed == 3


@pytest.mark.parametrize("made", [(), ((0.5, 1, False),), ((0.5, 1, False), (0.6, 2, True))])
def test_periods_without_frauds_are_refused(made: tuple[tuple[float, int, bool], ...]) -> None:
    outside = (-1.0, 9, False)
    with pytest.raises(RiskModelError, match="--train-from"):
        split(_payments(outside, *made), PROTOCOL)


def test_cards_that_were_found_are_not_looked_at_again() -> None:
    days = np.array([0, 0, 0, 0, 1, 1, 1])
    cards = np.array([1, 1, 2, 3, 1, 2, 4])
    frauds = np.array([False, True, False, True, True, True, False])
    scores = np.array([0.9, 0.1, 0.8, 0.7, 0.9, 0.5, 0.4])
    # Day 0 looks at cards 1 (compromised) and 2; day 1 at 2 (compromised) and 4, as 1 was found.
    assert card_precision(frauds, scores, days, cards, top=2) == pytest.approx((0.5 + 0.5) / 2)


def test_perfect_scores_are_measured_as_perfect() -> None:
    frauds = np.array([True] * 100 + [False] * 50)
    scores, cards = frauds.astype(np.float64), np.arange(150)
    assert measure(frauds, scores, np.zeros(150, np.int64), cards).rounded() == {
        "auc_roc": 1.0, "average_precision": 1.0, "card_precision_at_100": 1.0,
    }  # fmt: skip
