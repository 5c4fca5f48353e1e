"""The tree over effective dates: sums of its nodes are sums of what happened."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from apps.wallet.domain.timeline import BEGINNING, LEVELS, buckets, cover, micros

# Within the span in which a level has at most 15 nodes.
MOMENTS = st.integers(0, 15 * 2**48 - 2).map(lambda instant: BEGINNING + timedelta(microseconds=instant))
# Close together, so that many fall into one node.
NEIGHBOURS = st.integers(2**50, 2**50 + 5_000).map(lambda instant: BEGINNING + timedelta(microseconds=instant))


@given(MOMENTS)
@example(BEGINNING)
@example(datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
def test_a_cover_is_disjoint_and_exact(moment: datetime) -> None:
    spans = sorted((bucket << 4 * level, bucket + 1 << 4 * level) for level, bucket in cover(moment))
    assert spans[0][0] == 0
    assert spans[-1][1] == micros(moment) + 1
    assert all(before[1] == after[0] for before, after in pairwise(spans))


@given(MOMENTS)
def test_a_cover_is_short(moment: datetime) -> None:
    per_level = Counter(level for level, _ in cover(moment))
    assert max(per_level.values()) <= 15
    assert set(per_level) <= set(range(LEVELS))


@given(st.lists(st.tuples(NEIGHBOURS | MOMENTS, st.integers(-(10**12), 10**12)), max_size=60), NEIGHBOURS | MOMENTS)
def test_totals_of_a_cover_sum_what_happened_until_then(happened: list[tuple[datetime, int]], until: datetime) -> None:
    totals: Counter[tuple[int, int]] = Counter()
    for moment, amount in happened:
        for node in buckets(moment):
            totals[node] += amount
    assert sum(totals[node] for node in cover(until)) == sum(amount for moment, amount in happened if moment <= until)


def test_nothing_is_before_the_beginning() -> None:
    assert cover(BEGINNING - timedelta(microseconds=1)) == []
    assert cover(datetime.min.replace(tzinfo=UTC)) == []
