"""Features of what is known of frauds: only of payments so long ago that their labels are known by now.

A payment that nobody called fraud by then counts as good.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

DAY = 86_400
RUN_SECONDS = 30 * DAY
"""How far back, before the delay of labels, good payments and frauds are looked for."""
UNKNOWN = -1.0


class Labelled(NamedTuple):
    """Payments of one bucket of time, and how many of them are known to be frauds.

    `ago` is by how many seconds its end is past the delay of labels: 0 for payments whose labels have just come due.
    """

    ago: int
    payments: int
    frauds: int


def label_features(prefix: str, newest_first: Iterable[Labelled]) -> Mapping[str, int | float]:
    """Return counts and shares over 7 and 30 days, and what the newest known payments were.

    A run of frauds is all frauds since the newest good payment: of a payee whose every payment is one, its length
    tells more than a share, which good payments of before keep low for weeks.
    """
    known = [b for b in newest_first if b.ago < RUN_SECONDS and b.payments]
    return _features(prefix, known) if known else _nothing_known(prefix)


@cache
def _nothing_known(prefix: str) -> Mapping[str, int | float]:
    return _features(prefix, [])


def _features(prefix: str, known: list[Labelled]) -> Mapping[str, int | float]:
    week = [b for b in known if b.ago < 7 * DAY]
    run = _run(known)
    return {
        f"{prefix}_frauds_7d": sum(b.frauds for b in week),
        f"{prefix}_labelled_7d": sum(b.payments for b in week),
        f"{prefix}_fraud_rate_7d": _share(week),
        f"{prefix}_frauds_30d": sum(b.frauds for b in known),
        f"{prefix}_labelled_30d": sum(b.payments for b in known),
        f"{prefix}_fraud_rate_30d": _share(known),
        f"{prefix}_fraud_run": sum(b.frauds for b in run),
        f"{prefix}_fraud_run_days": max((b.ago / DAY for b in run if b.frauds), default=UNKNOWN),
        f"{prefix}_good_days": next((b.ago / DAY for b in known if b.payments > b.frauds), UNKNOWN),
        f"{prefix}_fraud_days": next((b.ago / DAY for b in known if b.frauds), UNKNOWN),
    }


def _share(buckets: list[Labelled]) -> float:
    payments = sum(b.payments for b in buckets)
    return sum(b.frauds for b in buckets) / payments if payments else 0.0


def _run(known: list[Labelled]) -> list[Labelled]:
    """Return the buckets down to the newest one with a good payment in it, that one included."""
    for place, bucket in enumerate(known, start=1):
        if bucket.payments > bucket.frauds:
            return known[:place]
    return known
