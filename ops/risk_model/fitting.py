"""Fits models and exports them as documents: boosted trees (lightgbm) or a scorecard (logistic, scikit-learn)."""

import warnings
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from apps.risk.domain.scoring.documents import LogisticDocument, Tree, TreesDocument
from ops.risk_model.errors import RiskModelError

SEED = 0
DIGITS = 9
"""Significant digits of an exported number: enough for any split, and half the size."""
BOOSTING: Mapping[str, Any] = {
    "n_estimators": 40,
    "learning_rate": 0.12,
    "num_leaves": 16,
    "min_child_samples": 5,
    "subsample": 0.7,
    "subsample_freq": 1,
    "colsample_bytree": 0.5,
    "reg_lambda": 5.0,
}
"""Chosen on the weeks before 2018-08-08: many small trees of few samples each, because frauds are rare."""
ENSEMBLES = 3
"""So many are fitted, each with its own seed, and averaged: frauds are so few that one alone is a matter of luck."""
LOGISTIC_C = 0.01
FEWEST_FRAUDS = 20
"""With fewer there is nothing to learn."""


class Kind(StrEnum):
    """The kinds of model."""

    TREES = "trees"
    LOGISTIC = "logistic"


def fit(kind: Kind, read: NDArray[np.float64], frauds: NDArray[np.bool_]) -> TreesDocument | LogisticDocument:
    """Fit a model to what it would have seen of payments (one a row) and what became of them.

    Raises RiskModelError where there are too few frauds or good payments.
    """
    fewest = min(int(frauds.sum()), int((~frauds).sum()))
    if fewest < FEWEST_FRAUDS:
        raise RiskModelError(
            f"{len(frauds):,} payments with {int(frauds.sum()):,} frauds are too few to learn from: at least "
            f"{FEWEST_FRAUDS} frauds and as many good payments are needed"
        )
    return _fit_trees(read, frauds) if kind is Kind.TREES else _fit_logistic(read, frauds)


def _fit_trees(read: NDArray[np.float64], frauds: NDArray[np.bool_]) -> TreesDocument:
    dumped = (
        tree["tree_structure"]
        for number in range(ENSEMBLES)
        for tree in boosted(read, frauds, SEED + number).booster_.dump_model()["tree_info"]
    )
    return TreesDocument(link="logistic", trees=tuple(_tree(root) for root in dumped))


def boosted(read: NDArray[np.float64], frauds: NDArray[np.bool_], seed: int) -> lightgbm.LGBMClassifier:
    """Fit one ensemble; the same payments and seed give the same trees on every machine."""
    classifier = lightgbm.LGBMClassifier(
        **BOOSTING, random_state=seed, n_jobs=1, deterministic=True, force_row_wise=True, verbose=-1
    )
    classifier.fit(read, frauds)
    return classifier


def _tree(root: Mapping[str, Any]) -> Tree:
    """Lay a tree of nodes within nodes out as columns, parents before their children, its values as their share."""
    nodes = [root]
    for node in nodes:  # grows while it is walked, level by level
        nodes += [node[side] for side in ("left_child", "right_child") if side in node]
    places = {id(node): place for place, node in enumerate(nodes)}
    splits = [node if "left_child" in node else None for node in nodes]
    return Tree(
        inputs=tuple(node["split_feature"] if node else -1 for node in splits),
        thresholds=tuple(_short(node["threshold"]) if node else 0.0 for node in splits),
        left=tuple(places[id(node["left_child"])] if node else 0 for node in splits),
        right=tuple(places[id(node["right_child"])] if node else 0 for node in splits),
        values=tuple(
            _short(node["internal_value" if "left_child" in node else "leaf_value"] / ENSEMBLES) for node in nodes
        ),
    )


def _fit_logistic(read: NDArray[np.float64], frauds: NDArray[np.bool_]) -> LogisticDocument:
    lowest, highest = np.percentile(read, 0.1, axis=0), np.percentile(read, 99.9, axis=0)
    bounded = np.clip(read, lowest, highest)
    means, deviations = bounded.mean(axis=0), bounded.std(axis=0)
    deviations[deviations == 0] = 1.0
    regression = LogisticRegression(C=LOGISTIC_C, max_iter=2_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            regression.fit((bounded - means) / deviations, frauds)
        except ConvergenceWarning:
            raise RiskModelError("The logistic model found no weights for these payments; take trees") from None
    return LogisticDocument(
        intercept=_short(regression.intercept_[0]),
        means=_all_short(means),
        weights=_all_short(regression.coef_[0] / deviations),
        lowest=_all_short(lowest),
        highest=_all_short(highest),
    )


def _all_short(numbers: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(_short(number) for number in numbers)


def _short(number: float) -> float:
    return float(f"{float(number):.{DIGITS}g}")
