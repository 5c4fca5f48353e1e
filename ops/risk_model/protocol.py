"""The handbook's protocol: train on days, wait until their labels would be known, test on days after, once.

Fraud-Detection-Handbook, chapter 5, "Validation strategies" (get_train_test_set): cards that are known to be
compromised by the day of a payment are left out of the test, because they would have been blocked.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from ops.risk_model.errors import RiskModelError
from ops.risk_model.payments_file import LabelledPayments

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Period:
    """Days one after the other, of UTC; what they are for is said to people."""

    purpose: str
    first: date
    days: int

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=self.days - 1)

    def places(self, payments: LabelledPayments) -> NDArray[np.int64]:
        """Return where its payments are. Raises RiskModelError where it has none, or no fraud."""
        days = _days_since(self.first, payments)
        found = np.flatnonzero((days >= 0) & (days < self.days))
        self.refuse_without_frauds(payments, found)
        return found

    def refuse_without_frauds(self, payments: LabelledPayments, chosen: NDArray[np.int64]) -> None:
        """Raise RiskModelError where there is nothing to learn or to find among the payments chosen from it."""
        frauds = int(payments.frauds[chosen].sum())
        if 0 < frauds < len(chosen):
            return
        first, last = (datetime.fromtimestamp(payments.times[n], UTC).date() for n in (0, -1))
        found = f"{len(chosen):,} payments with {frauds:,} frauds" if len(chosen) else "no payments"
        raise RiskModelError(
            f"The days of {self.purpose}, {self.first} to {self.last}, have {found}: both frauds and good payments are "
            f"needed. The file is from {first} to {last}; choose other days, such as with --train-from (see --help)"
        )


@dataclass(frozen=True, slots=True)
class Protocol:
    """The days of training from `train_from` on, then days of delay, then days of test."""

    train_from: date
    train_days: int = 7
    delay_days: int = 7
    test_days: int = 7

    @property
    def training(self) -> Period:
        """The days of training."""
        return Period("training", self.train_from, self.train_days)

    @property
    def test(self) -> Period:
        """The days of the test."""
        return Period("test", self.train_from + timedelta(days=self.train_days + self.delay_days), self.test_days)


@dataclass(frozen=True, slots=True)
class Split:
    """Which payments, by their place, train and test; and the day of each, counted from the first day of training."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    days: NDArray[np.int64]
    removed: int


def split(payments: LabelledPayments, protocol: Protocol) -> Split:
    """Choose the payments of training and test. Raises RiskModelError where a period has none, or no fraud."""
    days = _days_since(protocol.train_from, payments)
    train = protocol.training.places(payments)
    first_test = protocol.train_days + protocol.delay_days
    tests, removed = [], 0
    known = set(payments.customers[train[payments.frauds[train]]].tolist())
    for day in range(protocol.test_days):
        newly_known = (days == protocol.train_days + day - 1) & payments.frauds
        known.update(payments.customers[newly_known].tolist())
        of_day = np.flatnonzero(days == first_test + day)
        kept = of_day[~np.isin(payments.customers[of_day], np.fromiter(known, np.int64, len(known)))]
        removed += len(of_day) - len(kept)
        tests.append(kept)
    test = np.concatenate(tests)
    protocol.test.refuse_without_frauds(payments, test)
    return Split(train, test, days, removed)


def _days_since(first: date, payments: LabelledPayments) -> NDArray[np.int64]:
    start = datetime.combine(first, time(), UTC).timestamp()
    return np.floor((payments.times - start) / DAY).astype(np.int64)
