"""A walk over one part of the ledger: slice after slice in the order of a key, each proved by statements of its own.

What a statement of a slice finds holds in one snapshot, while the service goes on; what is added behind or beyond a
walk is for the next one. Memory is bounded by the slice, time by its statements.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from outbox.database import Reads

Key: TypeAlias = tuple[str | int, ...]
PLACES = 20
"""The most places that one claim names in a slice."""


@dataclass(frozen=True, order=True)
class Finding:
    """A claim that does not hold, and the row where it does not."""

    place: str
    claim: str

    def __str__(self) -> str:
        """Return the sentence."""
        return f"{self.place}: {self.claim}"


@dataclass(frozen=True)
class Span:
    """What is still to be walked: keys after `after` up to `end`."""

    after: Key
    end: Key


@dataclass(frozen=True)
class Slice:
    """What one step proved: how many rows, what it found, and what is left (None: nothing)."""

    rows: int
    findings: Sequence[Finding]
    left: Span | None


class Walk(Protocol):
    """A part of the ledger that can be walked."""

    @property
    def name(self) -> str:
        """What the walk proves, as people say it; unique."""

    async def size(self, reads: Reads) -> int:
        """Return about how many rows there are."""

    async def begin(self, reads: Reads) -> Span | None:
        """Return all that is there now; None when it is nothing."""

    async def step(self, reads: Reads, span: Span, rows: int) -> Slice:
        """Prove the next `rows` rows at the most."""


@dataclass(frozen=True)
class Check:
    """A claim, and the statement that returns each `place` between two keys where it does not hold."""

    claim: str
    query: str


@dataclass(frozen=True)
class KeyWalk:
    """Walks a table by its key. `end` returns the last key, `bound` the key so many rows further and how many they are.

    Parameters: `bound` takes after, end, rows; each check after, until, PLACES.
    """

    name: str
    count: str
    first: Key
    end: str
    bound: str
    checks: Sequence[Check]

    async def size(self, reads: Reads) -> int:
        """Return how many rows there are."""
        return int(await reads.fetchval(self.count) or 0)

    async def begin(self, reads: Reads) -> Span | None:
        """Return the span up to the last key."""
        row = await reads.fetchrow(self.end)
        return Span(self.first, _key(row)) if row else None

    async def step(self, reads: Reads, span: Span, rows: int) -> Slice:
        """Prove the next rows by each of the checks."""
        row = await reads.fetchrow(self.bound, *span.after, *span.end, rows)
        if row is None:
            return Slice(0, (), None)
        until, walked = _key(tuple(row)[:-1]), int(row[-1])
        findings = [
            Finding(place["place"], check.claim)
            for check in self.checks
            for place in await reads.fetch(check.query, *span.after, *until, PLACES)
        ]
        return Slice(walked, findings, Span(until, span.end) if until != span.end else None)


def _key(values: Iterable[object]) -> Key:
    """Return a key that JSON can hold."""
    return tuple(value if isinstance(value, int) else str(value) for value in values)
