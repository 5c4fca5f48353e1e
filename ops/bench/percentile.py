"""Percentiles of measured values."""

from collections.abc import Sequence


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value that `share` (0 to 1) of the ascending, non-empty values do not exceed (nearest rank)."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
