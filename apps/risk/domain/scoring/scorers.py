"""How the two kinds of model turn inputs into a raw score, and into what each input did to it."""

from collections.abc import Sequence
from typing import Any, Protocol

from apps.risk.domain.scoring.documents import LogisticDocument, Tree, TreesDocument

_Node = tuple[int, float, Any, Any, float]
"""Input split by (-1: a leaf), threshold, the node of those at most it, the node of those above it, value."""
_Explained = tuple[float, list[float]]


class Scorer(Protocol):
    """What computes raw scores."""

    def score(self, inputs: Sequence[float]) -> float:
        """Return the raw score."""
        ...

    def explain(self, inputs: Sequence[float]) -> _Explained:
        """Return the raw score of an average payment, and how far each input moved this one's away from it."""
        ...


class _Trees:
    def __init__(self, document: TreesDocument) -> None:
        self._base = document.base
        self._roots = tuple(_linked(tree) for tree in document.trees)
        self._average = document.base + sum(root[4] for root in self._roots)

    def score(self, inputs: Sequence[float]) -> float:
        raw = self._base
        for node in self._roots:
            by, threshold, left, right, value = node
            while by >= 0:
                by, threshold, left, right, value = left if inputs[by] <= threshold else right
            raw += value
        return raw

    def explain(self, inputs: Sequence[float]) -> _Explained:
        moves = [0.0] * len(inputs)
        for node in self._roots:
            by, threshold, left, right, value = node
            while by >= 0:
                split_by, before = by, value
                by, threshold, left, right, value = left if inputs[by] <= threshold else right
                moves[split_by] += value - before
        return self._average, moves


class _Logistic:
    def __init__(self, document: LogisticDocument) -> None:
        self._intercept = document.intercept
        self._columns = tuple(zip(document.weights, document.means, document.lowest, document.highest, strict=True))

    def score(self, inputs: Sequence[float]) -> float:
        return self._intercept + sum(self._moves(inputs))

    def explain(self, inputs: Sequence[float]) -> _Explained:
        return self._intercept, self._moves(inputs)

    def _moves(self, inputs: Sequence[float]) -> list[float]:
        return [
            weight * (min(max(value, lowest), highest) - mean)
            for value, (weight, mean, lowest, highest) in zip(inputs, self._columns, strict=True)
        ]


def trees_scorer(document: TreesDocument) -> Scorer:
    """Return what scores by trees."""
    return _Trees(document)


def logistic_scorer(document: LogisticDocument) -> Scorer:
    """Return what scores by a straight line."""
    return _Logistic(document)


def _linked(tree: Tree) -> _Node:
    """Return the root, with its children in it; a walk then follows references and looks nothing up."""
    nodes: dict[int, _Node] = {}
    for n in reversed(range(len(tree.inputs))):  # children come after their parents
        by, value = tree.inputs[n], tree.values[n]
        inner = (tree.thresholds[n], nodes[tree.left[n]], nodes[tree.right[n]]) if by >= 0 else (0.0, None, None)
        nodes[n] = (by, *inner, value)
    return nodes[0]
