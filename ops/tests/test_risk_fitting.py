"""Models that are fitted: what is exported scores as the library does that fitted it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from apps.risk.domain.scoring.documents import DOCUMENT_BYTES, Input, ModelDocument
from apps.risk.domain.scoring.model import Model
from ops.risk_model.errors import RiskModelError
from ops.risk_model.fitting import ENSEMBLES, SEED, Kind, boosted, fit
from ops.risk_model.metrics import measure

INPUTS = tuple(Input(feature=name) for name in ("amount", "payer_amount_ratio", "payer_count_7d", "payee_frauds_30d"))


def _made(seed: int, payments: int = 4_000) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    chance = np.random.default_rng(seed)
    read = chance.normal(size=(payments, len(INPUTS)))
    read[:, 3] = np.rint(read[:, 3])  # a count: many payments lie on a threshold's very side
    return read, np.asarray(read[:, 0] + read[:, 1] * read[:, 2] + read[:, 3] + chance.normal(size=payments) > 4)


@pytest.fixture(scope="module")
def made() -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return _made(1)


def _model(kind: Kind, read: NDArray[np.float64], frauds: NDArray[np.bool_]) -> Model:
    return Model(ModelDocument(name="test", inputs=INPUTS, scorer=fit(kind, read, frauds)))


def _scores(model: Model, read: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([model.score_inputs(row) for row in read.tolist()])


def test_exported_trees_score_as_lightgbm_does(made: tuple[NDArray[np.float64], NDArray[np.bool_]]) -> None:
    model, (fresh, _) = _model(Kind.TREES, *made), _made(2)
    fitted = [boosted(*made, SEED + number) for number in range(ENSEMBLES)]
    expected = 1 / (1 + np.exp(-np.mean([one.booster_.predict(fresh, raw_score=True) for one in fitted], axis=0)))
    assert np.abs(_scores(model, fresh) - expected).max() < 1e-6
    assert len(model.document.canonical()) < DOCUMENT_BYTES
    assert _model(Kind.TREES, *made).hash == model.hash  # the same payments make the same model


@pytest.mark.parametrize("kind", Kind)
def test_either_kind_tells_frauds_that_it_has_not_seen(
    kind: Kind, made: tuple[NDArray[np.float64], NDArray[np.bool_]]
) -> None:
    fresh, frauds = _made(3)
    days = np.zeros(len(frauds), np.int64)
    assert (
        measure(frauds, _scores(_model(kind, *made), fresh), days, np.arange(len(frauds))).auc_roc > 0.8
    )  # far from chance; a straight line misses the product


def test_too_few_frauds_are_refused(made: tuple[NDArray[np.float64], NDArray[np.bool_]]) -> None:
    read, _ = made
    with pytest.raises(RiskModelError, match="too few to learn from"):
        fit(Kind.TREES, read, np.arange(len(read)) < 19)
