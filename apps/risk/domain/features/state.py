"""What was seen of a payer, payee, device, address, card or pair, in buckets of time, so that it stays small.

Whatever is kept adds up, or is the larger or the smaller of two: in whatever order payments come, the same is known
in the end. What falls out is older than anything that looks back from the newest payment.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import orjson

from apps.risk.domain.features.catalogue import LABEL_DELAY_SECONDS, WINDOWS

BUCKETS: Mapping[str, int] = {"1m": 5, "10m": 60, "1h": 300, "24h": 1_800, "7d": 21_600, "30d": 86_400}
"""The seconds of a bucket, by window: what a window may be too long by."""
DAY = 86_400
LABEL_BUCKET = 21_600
LABELS_SECONDS = LABEL_DELAY_SECONDS + 31 * DAY
MOST_DISTINCT = 64
MOST = 2**62
"""Where sums stop: with 64 bits nothing beyond it could be kept."""
LARGEST_SQUARED = 10**9
"""Minor units; of what is more, the square is that of this."""
_FORMAT = 1
_LEVELS = tuple((WINDOWS[name], size) for name, size in BUCKETS.items())


class Spent(NamedTuple):
    """Approved payments of one currency: how many, their sum, and the sum of their squares."""

    payments: int = 0
    sum: int = 0
    squares: int = 0


class Window(NamedTuple):
    """What happened within a window: payments asked for, those declined, and the approved money of one currency."""

    attempts: int
    declined: int
    sum: int


Bucket = list[Any]
"""Attempts, declined, and by currency the approved money."""


class State:
    """What is known of one entity; times are whole seconds since 1970.

    `distinct` holds, by what they are (payees, devices, ...), hashes of those seen with it, and when last; `hours` how
    many payments were asked for in which hour of the day (UTC).
    """

    __slots__ = ("days", "distinct", "first_seen", "hours", "labels", "last_seen", "levels")

    def __init__(self) -> None:
        self.first_seen: int | None = None
        self.last_seen: int | None = None
        self.levels: tuple[dict[int, Bucket], ...] = tuple({} for _ in _LEVELS)
        self.days: dict[int, dict[str, Spent]] = {}
        self.labels: dict[int, tuple[int, int]] = {}
        self.distinct: dict[str, dict[str, int]] = {}
        self.hours: list[int] = [0] * 24

    def see(self, at: int, *, declined: bool) -> None:
        """Count a payment that was asked for."""
        self.first_seen = at if self.first_seen is None else min(at, self.first_seen)
        self.last_seen = at if self.last_seen is None else max(at, self.last_seen)
        self.hours[at // 3_600 % 24] += 1
        for level, (_, size) in zip(self.levels, _LEVELS, strict=True):
            bucket = level.get(at // size)
            if bucket is None:
                level[at // size] = [1, int(declined), {}]
            else:
                bucket[0] += 1
                bucket[1] += declined

    def add_money(self, at: int, currency: str, amount: int) -> None:
        """Count money that was approved."""
        for level, (_, size) in zip(self.levels, _LEVELS, strict=True):
            money = level.setdefault(at // size, [0, 0, {}])[2]
            money[currency] = min(money.get(currency, 0) + amount, MOST)

    def add_spent(self, at: int, currency: str, amount: int) -> None:
        """Count an approved payment among what is usual."""
        day = self.days.setdefault(at // DAY, {})
        payments, total, squares = day.get(currency, Spent())
        square = min(amount, LARGEST_SQUARED) ** 2
        day[currency] = Spent(payments + 1, min(total + amount, MOST), min(squares + square, MOST))

    def add_label(self, at: int, payments: int, frauds: int) -> None:
        """Count payments of that time, and how many more of them are known to be frauds."""
        counted = self.labels.get(at // LABEL_BUCKET, (0, 0))
        self.labels[at // LABEL_BUCKET] = (counted[0] + payments, counted[1] + frauds)

    def add_distinct(self, what: str, seen: str, at: int) -> None:
        """Remember that `seen` was there; beyond 64 only the newest are."""
        kept = self.distinct.setdefault(what, {})
        kept[seen] = max(at, kept.get(seen, at))
        if len(kept) > MOST_DISTINCT:
            del kept[min(kept, key=lambda name: (kept[name], name))]

    def windows(self, now: int, currency: str) -> list[Window]:
        """Return what happened within each window that ends now, the shortest first."""
        found = []
        for level, (length, size) in zip(self.levels, _LEVELS, strict=True):
            oldest, newest = (now - length) // size, now // size
            attempts = declined = money = 0
            for place, bucket in level.items():
                if oldest <= place <= newest:
                    attempts += bucket[0]
                    declined += bucket[1]
                    money += bucket[2].get(currency, 0)
            found.append(Window(attempts, declined, min(money, MOST)))
        return found

    def spent(self, now: int, currency: str, days: int) -> Spent:
        """Return what was approved within so many days."""
        oldest, newest = now // DAY - days, now // DAY
        found = [day[currency] for place, day in self.days.items() if oldest <= place <= newest and currency in day]
        return Spent(*map(sum, zip(*found, strict=True))) if found else Spent()

    def count_distinct(self, what: str, since: int, also: str | None) -> int:
        """Return how many different ones were there after `since`, with this one."""
        kept = self.distinct.get(what, {})
        is_more = also is not None and kept.get(also, since) <= since
        return min(sum(at > since for at in kept.values()) + is_more, MOST_DISTINCT)

    @classmethod
    def of(cls, packed: bytes) -> Self:
        """Read a state as it was packed."""
        _, first_seen, last_seen, levels, days, labels, distinct, hours = orjson.loads(packed)
        state = cls()
        state.first_seen, state.last_seen = first_seen, last_seen
        state.levels = tuple({place: bucket for place, *bucket in level} for level in levels)
        state.days = {place: {currency: Spent(*money) for currency, money in day.items()} for place, day in days}
        state.labels = {place: (payments, frauds) for place, payments, frauds in labels}
        state.distinct, state.hours = distinct, hours
        return state

    def trim(self) -> None:
        """Leave out what is too old to matter to anything that looks back from the newest payment."""
        newest = self.last_seen or 0
        for level, (length, size) in zip(self.levels, _LEVELS, strict=True):
            _leave_out(level, (newest - length) // size)
        _leave_out(self.days, newest // DAY - 30)
        _leave_out(self.labels, (newest - LABELS_SECONDS) // LABEL_BUCKET)
        for kept in self.distinct.values():
            for name in [name for name, at in kept.items() if at <= newest - WINDOWS["30d"]]:
                del kept[name]

    def packed(self) -> bytes:
        """Return it as bytes, trimmed; equal states are equal bytes."""
        self.trim()
        levels = [[(place, *bucket) for place, bucket in sorted(level.items())] for level in self.levels]
        labels = [(place, *counted) for place, counted in sorted(self.labels.items())]
        days = [(place, {c: tuple(spent) for c, spent in day.items()}) for place, day in sorted(self.days.items())]
        parts = (self.first_seen, self.last_seen, levels, days, labels, self.distinct, self.hours)
        return orjson.dumps((_FORMAT, *parts), option=orjson.OPT_SORT_KEYS)


def _leave_out(buckets: dict[int, Any], before: int) -> None:
    for place in [place for place in buckets if place < before]:
        del buckets[place]
