"""What was seen of a payer, payee, device, address, card or pair, in buckets of time, so that it stays small.

Whatever is kept adds up, or is the larger or the smaller of two: in whatever order payments come, the same is known
in the end. What falls out is older than anything that looks back from the newest payment.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping
from operator import itemgetter
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


_PLACE = itemgetter(0)
_NOTHING_SPENT = Spent()


class Window(NamedTuple):
    """What happened within a window: payments asked for, those declined, and the approved money of one currency."""

    attempts: int
    declined: int
    sum: int


Bucket = list[Any]
"""Its place (the time by its length), and what is counted there."""


class State:
    """What is known of one entity; times are whole seconds since 1970.

    `levels`, `days` and `labels` are buckets in the order of time. Those of a level count attempts, declined ones, and
    by currency the approved money; days, by currency, what `Spent` tells; labels payments, and known frauds.
    `distinct` holds, by what they are (payees, devices, ...), hashes of those seen with it, and when last; `hours` how
    many payments were asked for in which hour of the day (UTC). All of it is kept as it is packed: most of what is read
    for a payment is written again with one bucket more or less.
    """

    __slots__ = ("days", "distinct", "first_seen", "hours", "labels", "last_seen", "levels")

    def __init__(self) -> None:
        self.first_seen: int | None = None
        self.last_seen: int | None = None
        self.levels: list[list[Bucket]] = [[] for _ in _LEVELS]
        self.days: list[Bucket] = []
        self.labels: list[Bucket] = []
        self.distinct: dict[str, dict[str, int]] = {}
        self.hours: list[int] = [0] * 24

    def see(self, at: int, *, declined: bool) -> None:
        """Count a payment that was asked for."""
        self.first_seen = at if self.first_seen is None else min(at, self.first_seen)
        self.last_seen = at if self.last_seen is None else max(at, self.last_seen)
        self.hours[at // 3_600 % 24] += 1
        for level, (_, size) in zip(self.levels, _LEVELS, strict=True):
            bucket = _bucket(level, at // size) or _new_bucket(level, at // size, 0, 0, {})
            bucket[1] += 1
            bucket[2] += declined

    def add_money(self, at: int, currency: str, amount: int) -> None:
        """Count money that was approved."""
        for level, (_, size) in zip(self.levels, _LEVELS, strict=True):
            money = (_bucket(level, at // size) or _new_bucket(level, at // size, 0, 0, {}))[3]
            money[currency] = min(money.get(currency, 0) + amount, MOST)

    def add_spent(self, at: int, currency: str, amount: int) -> None:
        """Count an approved payment among what is usual."""
        day = (_bucket(self.days, at // DAY) or _new_bucket(self.days, at // DAY, {}))[1]
        payments, total, squares = day.get(currency, _NOTHING_SPENT)
        square = min(amount, LARGEST_SQUARED) ** 2
        day[currency] = (payments + 1, min(total + amount, MOST), min(squares + square, MOST))

    def add_label(self, at: int, payments: int, frauds: int) -> None:
        """Count payments of that time, and how many more of them are known to be frauds."""
        counted = _bucket(self.labels, at // LABEL_BUCKET) or _new_bucket(self.labels, at // LABEL_BUCKET, 0, 0)
        counted[1] += payments
        counted[2] += frauds

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
            for place, asked, refused, moved in reversed(level):
                if place < oldest:
                    break
                if place <= newest:
                    attempts += asked
                    declined += refused
                    money += moved.get(currency, 0)
            found.append(Window(attempts, declined, min(money, MOST)))
        return found

    def spent(self, now: int, currency: str, days: int) -> Spent:
        """Return what was approved within so many days."""
        oldest, newest = now // DAY - days, now // DAY
        found = [day[currency] for place, day in self.days if oldest <= place <= newest and currency in day]
        return Spent(*map(sum, zip(*found, strict=True))) if found else _NOTHING_SPENT

    def count_distinct(self, what: str, since: int, also: str | None) -> int:
        """Return how many different ones were there after `since`, with this one."""
        kept = self.distinct.get(what, {})
        is_more = also is not None and kept.get(also, since) <= since
        return min(sum(at > since for at in kept.values()) + is_more, MOST_DISTINCT)

    @classmethod
    def of(cls, packed: bytes) -> Self:
        """Read a state as it was packed."""
        state = cls.__new__(cls)
        (
            _,
            state.first_seen,
            state.last_seen,
            state.levels,
            state.days,
            state.labels,
            state.distinct,
            state.hours,
        ) = orjson.loads(packed)
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
        parts = (self.first_seen, self.last_seen, self.levels, self.days, self.labels, self.distinct, self.hours)
        return orjson.dumps((_FORMAT, *parts), option=orjson.OPT_SORT_KEYS)


def _bucket(buckets: list[Bucket], place: int) -> Bucket | None:
    """Return the bucket of a place, mostly the last; None where there is none."""
    if buckets and buckets[-1][0] <= place:
        return buckets[-1] if buckets[-1][0] == place else None
    index = bisect_left(buckets, place, key=_PLACE)
    return buckets[index] if index < len(buckets) and buckets[index][0] == place else None


def _new_bucket(buckets: list[Bucket], place: int, *nothing: Any) -> Bucket:
    """Return a new bucket of a place, put where it belongs in the order of time."""
    bucket = [place, *nothing]
    insort(buckets, bucket, key=_PLACE)
    return bucket


def _leave_out(buckets: list[Bucket], before: int) -> None:
    if buckets and buckets[0][0] < before:
        del buckets[: bisect_left(buckets, before, key=_PLACE)]
