"""Features of what somebody usually pays: how this amount, and the last week, compare with the last 30 days."""

from collections.abc import Mapping
from math import sqrt

from apps.risk.domain.features.state import Spent

UNKNOWN = -1.0


def profile_features(amount: int, week: Spent, month: Spent) -> Mapping[str, float]:
    """Return how the amount compares with the last 30 days', how unsteady those were, and how the last week's do.

    This payment is not among them. What too little was paid for to tell is -1, a ratio of nothing is 1, and a deviation
    from nothing is 0.
    """
    mean = _mean(month)
    spread = _spread(month)
    return {
        "payer_mean_amount_30d": mean,
        "payer_amount_ratio": amount / mean if mean else 1.0,
        "payer_amount_deviation": (amount - mean) / spread if spread else 0.0,
        "payer_amount_variation_30d": spread / mean if month.payments > 1 and mean else UNKNOWN,
        "payer_amount_trend": _mean(week) / mean if week.sum and mean else UNKNOWN,
    }


def _mean(spent: Spent) -> float:
    return spent.sum / spent.payments if spent.payments else 0.0


def _spread(spent: Spent) -> float:
    """Return the standard deviation of the amounts, 0 where nothing is known of it.

    The difference is of whole numbers: of amounts that are close together fractions would leave little of it.
    """
    if not spent.payments:
        return 0.0
    return sqrt(max(0, spent.payments * spent.squares - spent.sum**2)) / spent.payments
