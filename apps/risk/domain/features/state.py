"""What was seen of a payer, payee, device, address, card or pair, in buckets of time, so that it stays small.

Whatever is kept adds up, or is the larger or the smaller of two: in whatever order payments come, the same is known
in the end. What falls out is older than anything that looks back from the newest payment.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate
from math import inf
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
_FORMAT = 2
_LEVELS = tuple((WINDOWS[name], size) for name, size in BUCKETS.items())
_SIZES = tuple(BUCKETS.values())
_ZEROS = [0] * (len(_LEVELS) - 1)


class Spent(NamedTuple):
    """Approved payments of one currency: how many, their sum, and the sum of their squares."""

    payments: int = 0
    sum: int = 0
    squares: int = 0


_PLACE = itemgetter(0)
_NOTHING_SPENT = Spent()


class Windows(NamedTuple):
    """What happened within each window, the shortest first: payments asked for, those declined, and approved money."""

    attempts: list[int]
    declined: list[int]
    sums: list[int]


Bucket = list[Any]
"""When it began, or its place (that by its length), and what is counted there."""


class State:
    """What is known of one entity; times are whole seconds since 1970.

    `recent`, `days` and `labels` are buckets in the order of time. Those of `recent` count attempts, declined ones, and
    by currency the approved money. The newest are as short as the shortest window's; once it does not reach back to
    them, they are added up to those of the next one, and so on: each holds a whole number of shorter ones. Days count,
    by currency, what `Spent` tells; labels payments, and known frauds. `distinct` holds, by what they are (payees,
    devices, ...), hashes of those seen with it, and when last; `hours` how
    many payments were asked for in which hour of the day (UTC). All of it is kept as it is packed: most of what is read
    for a payment is written again with one bucket more or less.
    """

    __slots__ = ("days", "distinct", "first_seen", "hours", "labels", "last_seen", "recent")

    def __init__(self) -> None:
        self.first_seen: int | None = None
        self.last_seen: int | None = None
        self.recent: list[Bucket] = []
        self.days: list[Bucket] = []
        self.labels: list[Bucket] = []
        self.distinct: dict[str, dict[str, int]] = {}
        self.hours: list[int] = [0] * 24

    def see(self, at: int, *, declined: bool) -> None:
        """Count a payment that was asked for."""
        self.first_seen = at if self.first_seen is None else min(at, self.first_seen)
        self.last_seen = at if self.last_seen is None else max(at, self.last_seen)
        self.hours[at // 3_600 % 24] += 1
        bucket = self._recent_bucket(at)
        bucket[1] += 1
        bucket[2] += declined

    def add_money(self, at: int, currency: str, amount: int) -> None:
        """Count money that was approved."""
        money = self._recent_bucket(at)[3]
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

    def windows(self, now: int, currency: str, payments: int, amount: int) -> Windows:
        """Return what happened within each window that ends now, with payments that are happening, of that amount.

        What came later is left out. A bucket is in the shortest window that reaches back to it, and in all longer ones.
        """
        begins, window = _begins(now), 0
        attempts, declined, sums = [payments, *_ZEROS], [0, *_ZEROS], [amount, *_ZEROS]
        for begin, asked, refused, moved in reversed(self.recent):
            while begin < begins[window]:
                window += 1
            if window > len(_ZEROS):
                break
            if begin <= now:
                attempts[window] += asked
                declined[window] += refused
                sums[window] += moved.get(currency, 0)
        money = [min(total, MOST) for total in accumulate(sums)]
        return Windows(list(accumulate(attempts)), list(accumulate(declined)), money)

    def spent(self, now: int, currency: str, days: int) -> Spent:
        """Return what was approved within so many days."""
        oldest, newest = now // DAY - days, now // DAY
        found = [day[currency] for place, day in self.days if oldest <= place <= newest and currency in day]
        return Spent(*map(sum, zip(*found, strict=True))) if found else _NOTHING_SPENT

    def count_distinct(self, what: str, since: int, also: str | None) -> int:
        """Return how many different ones were there after `since`, with this one."""
        kept = self.distinct.get(what, {})
        is_more = also is not None and kept.get(also, since) <= since
        return min(len([at for at in kept.values() if at > since]) + is_more, MOST_DISTINCT)

    @classmethod
    def of(cls, packed: bytes) -> Self:
        """Read a state as it was packed."""
        state = cls.__new__(cls)
        (
            version,
            state.first_seen,
            state.last_seen,
            state.recent,
            state.days,
            state.labels,
            state.distinct,
            state.hours,
        ) = orjson.loads(packed)
        if version == 1:
            state.recent = _counted_once(state.recent)
        return state

    def trim(self) -> None:
        """Leave out what is too old to matter to anything that looks back from the newest payment."""
        newest = self.last_seen or 0
        self.recent = _added_up(self.recent, _begins(newest))
        _leave_out(self.days, newest // DAY - 30)
        _leave_out(self.labels, (newest - LABELS_SECONDS) // LABEL_BUCKET)
        for kept in self.distinct.values():
            for name in [name for name, at in kept.items() if at <= newest - WINDOWS["30d"]]:
                del kept[name]

    def packed(self) -> bytes:
        """Return it as bytes, trimmed; equal states are equal bytes."""
        self.trim()
        parts = (self.first_seen, self.last_seen, self.recent, self.days, self.labels, self.distinct, self.hours)
        return orjson.dumps((_FORMAT, *parts), option=orjson.OPT_SORT_KEYS)

    def _recent_bucket(self, at: int) -> Bucket:
        begin = at // _SIZES[0] * _SIZES[0]
        return _bucket(self.recent, begin) or _new_bucket(self.recent, begin, 0, 0, {})


@lru_cache(64)
def _begins(now: int) -> tuple[float, ...]:
    """Return when the oldest bucket of each window that ends now began, the shortest first; and then, for ever ago."""
    return (*((now - length) // size * size for length, size in _LEVELS), -inf)


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


def _added_up(recent: list[Bucket], begins: tuple[float, ...]) -> list[Bucket]:
    """Return buckets as long as those of the shortest window that reaches back to them, without those of none."""
    if not recent or recent[0][0] >= begins[0]:
        return recent
    found: list[Bucket] = []
    window = len(_SIZES)
    for bucket in recent:
        while window and bucket[0] >= begins[window - 1]:
            window -= 1
        if window == len(_SIZES):
            continue
        begin = bucket[0] // _SIZES[window] * _SIZES[window]
        if found and found[-1][0] == begin:
            _add(bucket, found[-1])
        else:
            found.append([begin, *bucket[1:]])
    return found


def _add(bucket: Bucket, to: Bucket) -> None:
    _, attempts, declined, money = bucket
    to[1] += attempts
    to[2] += declined
    for currency, amount in money.items():
        to[3][currency] = min(to[3].get(currency, 0) + amount, MOST)


def _counted_once(levels: list[list[Bucket]]) -> list[Bucket]:
    """Return the buckets of a state of format 1, which had a list of them for each window, and counted all in each."""
    once: dict[int, Bucket] = {}
    for level, size, shorter, shorter_size in zip(levels, _SIZES, ([], *levels), (1, *_SIZES), strict=False):
        buckets = {place * size: [place * size, *counted, {**money}] for place, *counted, money in level}
        for place, attempts, declined, money in shorter:
            begin = place * shorter_size // size * size
            if begin in buckets:
                _add([begin, -attempts, -declined, {c: -amount for c, amount in money.items()}], buckets[begin])
        for begin, bucket in buckets.items():
            bucket[3] = {currency: amount for currency, amount in bucket[3].items() if amount}
            if bucket[1] or bucket[3]:
                _add(bucket, once.setdefault(begin, [begin, 0, 0, {}]))
    return [once[begin] for begin in sorted(once)]
