"""How good scores are: AUC ROC, average precision, and the precision among the cards that could be looked at a day."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

CARDS_A_DAY = 100


@dataclass(frozen=True, slots=True)
class Metrics:
    """The three figures of the handbook."""

    auc_roc: float
    average_precision: float
    card_precision_at_100: float

    def rounded(self) -> dict[str, float]:
        """Return them by name, in four decimals."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


BOOKS_BEST = Metrics(0.871, 0.658, 0.291)
"""The best figures that the handbook publishes for its test week, each perhaps of another model."""


def measure(
    frauds: NDArray[np.bool_], scores: NDArray[np.float64], days: NDArray[np.int64], cards: NDArray[np.int64]
) -> Metrics:
    """Measure the scores of payments."""
    return Metrics(
        float(roc_auc_score(frauds, scores)),
        float(average_precision_score(frauds, scores)),
        card_precision(frauds, scores, days, cards),
    )


def card_precision(
    frauds: NDArray[np.bool_],
    scores: NDArray[np.float64],
    days: NDArray[np.int64],
    cards: NDArray[np.int64],
    top: int = CARDS_A_DAY,
) -> float:
    """Return the mean share of compromised cards among the `top` cards of each day.

    Chapter 4 of the handbook (card_precision_top_k): a card's score is that of its highest payment of the day, and a
    card that was found is not looked at again on later days.
    """
    found: set[int] = set()
    precisions = []
    for day in np.unique(days):
        today = np.flatnonzero(days == day)
        highest, compromised = _by_card(cards[today], scores[today], frauds[today])
        open_cards = [card for card in highest if card not in found]
        chosen = sorted(open_cards, key=lambda card: (-highest[card], card))[:top]
        hits = [card for card in chosen if card in compromised]
        found.update(hits)
        precisions.append(len(hits) / top)
    return float(np.mean(precisions))


def _by_card(
    cards: NDArray[np.int64], scores: NDArray[np.float64], frauds: NDArray[np.bool_]
) -> tuple[dict[int, float], set[int]]:
    """Return the highest score of each card, and the cards with a fraud."""
    highest: dict[int, float] = {}
    for card, score in zip(cards.tolist(), scores.tolist(), strict=True):
        if score > highest.get(card, -1.0):
            highest[card] = score
    return highest, set(cards[frauds].tolist())
