"""Trains models on labelled payments of a file or of the product itself; measures one by the handbook's protocol."""

from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from apps.risk.domain.features.catalogue import CATALOGUE_HASH
from apps.risk.domain.scoring.documents import ModelDocument
from apps.risk.domain.scoring.model import Model
from ops.risk_model.fitting import Kind, fit
from ops.risk_model.histories import read_inputs
from ops.risk_model.inputs import INPUTS, LOOK_BACK_SECONDS
from ops.risk_model.metrics import BOOKS_BEST, measure
from ops.risk_model.own_history import read_history
from ops.risk_model.payments_file import LabelledPayments, read_payments
from ops.risk_model.progress import Steps
from ops.risk_model.protocol import DAY, Period, Protocol, split

_TELL_EVERY = 5_000


class Days(BaseModel):
    """Days of training or test, and what is in them."""

    first: date
    last: date
    payments: int
    frauds: int


class Evaluation(BaseModel):
    """What came out: for which days, with which model, and beside what the handbook publishes."""

    train: Days
    test: Days
    removed_payments: int
    kind: Kind
    model: str
    metrics: dict[str, float]
    books_best: dict[str, float]
    seconds: float


def train(path: Path, period: Period, kind: Kind, name: str) -> tuple[Days, ModelDocument]:
    """Train on the days of a period. Raises RiskModelError."""
    steps = Steps()
    payments = _read(path, steps)
    wanted = period.places(payments)
    read = _features(payments, wanted, steps)
    days = _days(period, payments, wanted)
    return days, _fitted(kind, name, days, read, payments.frauds[wanted], steps)


async def train_on_own(url: str, period: Period, kind: Kind, name: str) -> tuple[Days, ModelDocument]:
    """Train on the product's own payments of a period. Raises RiskModelError, OSError or asyncpg.PostgresError."""
    steps = Steps()
    with steps.step("Reading decisions") as tell:
        history = await read_history(url, period, datetime.now(UTC), tell)
    frauds = int(history.frauds.sum())
    days = Days(first=period.first, last=period.last, payments=len(history.frauds), frauds=frauds)
    return days, _fitted(kind, name, days, history.read, history.frauds, steps)


def evaluate(path: Path, protocol: Protocol, kind: Kind) -> Evaluation:
    """Train on the days of training, test on the days of test. Raises RiskModelError."""
    started, steps = monotonic(), Steps()
    payments = _read(path, steps)
    parts = split(payments, protocol)
    read = _features(payments, np.concatenate([parts.train, parts.test]), steps)
    trained, tested = len(parts.train), parts.test
    days = _days(protocol.training, payments, parts.train)
    document = _fitted(kind, "handbook", days, read[:trained], payments.frauds[parts.train], steps)
    scores = _scores(document, read[trained:], steps)
    metrics = measure(payments.frauds[tested], scores, parts.days[tested], payments.customers[tested])
    return Evaluation(
        train=days,
        test=_days(protocol.test, payments, tested),
        removed_payments=parts.removed,
        kind=kind,
        model=document.hash,
        metrics=metrics.rounded(),
        books_best=BOOKS_BEST.rounded(),
        seconds=round(monotonic() - started, 1),
    )


def _read(path: Path, steps: Steps) -> LabelledPayments:
    with steps.step("Reading payments"):
        return read_payments(path)


def _features(payments: LabelledPayments, wanted: NDArray[np.int64], steps: Steps) -> NDArray[np.float64]:
    first_wanted = float(payments.times[wanted.min()])
    first = int(np.searchsorted(payments.times, first_wanted - LOOK_BACK_SECONDS))
    missing = (float(payments.times[0]) - first_wanted + LOOK_BACK_SECONDS) / DAY
    if missing >= 1:
        steps.warn(
            f"The file begins {missing:.0f} days later than the features of the first payments look back to: they see "
            "less than they would"
        )
    needed = payments.between(first, int(wanted.max()) + 1)
    with steps.step("Computing features", len(needed)) as tell:
        return read_inputs(needed, wanted - first, INPUTS, tell)


def _fitted(
    kind: Kind, name: str, days: Days, read: NDArray[np.float64], frauds: NDArray[np.bool_], steps: Steps
) -> ModelDocument:
    with steps.step("Fitting the model"):
        scorer = fit(kind, read, frauds)
    training: dict[str, str | int] = {
        "first_day": str(days.first),
        "last_day": str(days.last),
        "payments": days.payments,
        "frauds": days.frauds,
        "catalogue": CATALOGUE_HASH,
    }
    return ModelDocument(name=name, inputs=INPUTS, scorer=scorer, training=training)


def _scores(document: ModelDocument, read: NDArray[np.float64], steps: Steps) -> NDArray[np.float64]:
    """Return the scores of payments, by the code that scores live and not by the library that fitted the model."""
    model = Model(document)
    scores = np.empty(len(read))
    with steps.step("Scoring", len(read)) as tell:
        for place, row in enumerate(read.tolist()):
            scores[place] = model.score_inputs(row)
            if place % _TELL_EVERY == 0:
                tell(place)
    return scores


def _days(period: Period, payments: LabelledPayments, places: NDArray[np.int64]) -> Days:
    frauds = int(payments.frauds[places].sum())
    return Days(first=period.first, last=period.last, payments=len(places), frauds=frauds)
