"""A model ready to score: a pure function of a payment's feature values, the same on every machine and in a replay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp
from typing import Self

from apps.risk.domain.features.catalogue import Values
from apps.risk.domain.scoring.documents import LogisticDocument, ModelDocument, TreesDocument
from apps.risk.domain.scoring.inputs import InputReader
from apps.risk.domain.scoring.scorers import Scorer, logistic_scorer, trees_scorer

MOST_LOG_ODDS = 700.0
"""Beyond it exp() overflows; the probability is 0 or 1 long before."""
_STEEPEST = 1e-9


@dataclass(frozen=True, slots=True)
class Contribution:
    """By how many points of 100 a feature moved the score of one payment away from that of an average one."""

    feature: str
    points: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A payment's score: the probability of fraud, the points of it, and what each feature did, the largest first.

    `average_points` and all contributions add up to the probability times 100.
    """

    probability: float
    points: int
    average_points: float
    contributions: tuple[Contribution, ...]


class Model:
    """A model document, ready to score."""

    def __init__(self, document: ModelDocument) -> None:
        self.document = document
        self.hash = document.hash
        self._reader = InputReader(document.inputs)
        self._names = tuple(i.feature for i in document.inputs)
        self._scorer, self._link = _scorer_of(document)

    @classmethod
    def of(cls, canonical: bytes) -> Self:
        """Read a model document. Raises pydantic.ValidationError for anything that is none."""
        return cls(ModelDocument.model_validate_json(canonical))

    def score(self, values: Values) -> float:
        """Return the probability of fraud, 0 to 1. Raises KeyError where a feature has no value."""
        return self.score_inputs(self._reader.read(values))

    def score_inputs(self, read: Sequence[float]) -> float:
        """Return the probability of fraud for inputs that were read already, in the order of the document's."""
        return self._link(self._scorer.score(read))

    def points(self, values: Values) -> int:
        """Return the probability in percent, rounded: the points that the model adds to a decision's score."""
        return round(100 * self.score(values))

    def explain(self, values: Values) -> tuple[Contribution, ...]:
        """Return what each feature did to this payment's score, the largest first; those that did nothing are left out.

        Trees: along the path through each tree, what the mean changed by at a split is the split feature's (the path
        attribution of Saabas). Logistic: weight times distance from the mean. Log-odds are then made points by the one
        factor that makes the sum exact.
        """
        return self.judge(values).contributions

    def judge(self, values: Values) -> Scored:
        """Return probability, points and contributions."""
        read = self._reader.read(values)
        average, moves = self._scorer.explain(read)
        raw = self._scorer.score(read)
        probability = self._link(raw)
        average_points = 100 * self._link(average)
        factor = self._points_for_each(raw, average)
        contributions = _by_size(self._names, moves, factor)
        return Scored(probability, round(100 * probability), average_points, contributions)

    def _points_for_each(self, raw: float, average: float) -> float:
        if abs(raw - average) < _STEEPEST:
            raw, average = average + _STEEPEST, average - _STEEPEST
        return 100 * (self._link(raw) - self._link(average)) / (raw - average)


def _scorer_of(document: ModelDocument) -> tuple[Scorer, Callable[[float], float]]:
    match document.scorer:
        case TreesDocument(link="identity") as trees:
            return trees_scorer(trees), _probability
        case TreesDocument() as trees:
            return trees_scorer(trees), _of_log_odds
        case LogisticDocument() as logistic:
            return logistic_scorer(logistic), _of_log_odds


def _of_log_odds(raw: float) -> float:
    if raw < -MOST_LOG_ODDS:
        return 0.0
    return 1.0 / (1.0 + exp(-raw))


def _probability(raw: float) -> float:
    return min(1.0, max(0.0, raw))


def _by_size(names: Sequence[str], moves: Sequence[float], factor: float) -> tuple[Contribution, ...]:
    together: dict[str, float] = {}
    for name, move in zip(names, moves, strict=True):
        together[name] = together.get(name, 0.0) + move * factor
    found = [Contribution(name, points) for name, points in together.items() if points]
    return tuple(sorted(found, key=lambda c: (-abs(c.points), c.feature)))
