"""The axis of effective dates: a tree over microseconds, 16 children a node, in which sums up to an instant are short.

Whatever happened at an instant is added to one node on each level, the root's 16 ^ 12 µs wide, the leaf's 1 µs. All
that happened from 1970 up to an instant is then the sum of few nodes: at most 15 on each level.
"""

from datetime import UTC, datetime, timedelta

LEVELS = 13
"""A node of the highest level lasts 16 ** 12 µs, almost nine years."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Nothing is effective before this."""

Node = tuple[int, int]
"""Level and bucket: the instants whose `micros >> 4 * level` is the bucket."""

_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Return the whole microseconds since 1970, exact where `timestamp()` is a rounded float."""
    return (moment - BEGINNING) // _MICROSECOND


def instant(micros: int) -> datetime:
    """Return the instant so many microseconds after 1970. Raises OverflowError beyond the years 1 to 9999."""
    return BEGINNING + micros * _MICROSECOND


def buckets(moment: datetime) -> tuple[Node, ...]:
    """Return the node of each level that an instant is in, as the database's `bucket_of` does."""
    since = micros(moment)
    return tuple((level, since >> 4 * level) for level in range(LEVELS))


def cover(moment: datetime) -> list[Node]:
    """Return the nodes that together are [1970, moment], each instant in one of them: at most 15 a level until 2103."""
    end = micros(moment) + 1
    if end <= 0:
        return []
    nodes: list[Node] = []
    for level in range(LEVELS):
        past = end >> 4 * level
        first = past & ~15 if level < LEVELS - 1 else 0
        nodes += [(level, bucket) for bucket in range(first, past)]
    return nodes
