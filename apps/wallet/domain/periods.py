"""Closing periods: each begins where the one before it ended, and what is closed stays as it is for ever."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from apps.wallet.domain.timeline import BEGINNING
from contracts.wallet import Period


@dataclass(frozen=True, slots=True)
class ClosingRequest:
    """A wish to close everything before `ends_at`."""

    period_id: UUID
    ends_at: datetime
    closed_by: UUID


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """A closed period [starts_at, ends_at); the first has no start."""

    id: UUID
    starts_at: datetime | None
    ends_at: datetime
    closed_at: datetime
    closed_by: UUID


class ClosingRefusal(Enum):
    """Why a period is not closed: the first rule that it breaks, from top to bottom. The value is the public code."""

    ID_REUSED = "period_id_reused"
    IN_FUTURE = "period_in_future"
    TOO_EARLY = "period_too_early"
    NOT_AFTER_LAST = "period_not_after_last"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return _DETAILS[self]

    @property
    def parameter(self) -> str:
        """What in the request it is about."""
        return "period_id" if self is ClosingRefusal.ID_REUSED else "ends_at"


_DETAILS = {
    ClosingRefusal.ID_REUSED: "Another period was closed under this id; use a new id for a new period.",
    ClosingRefusal.IN_FUTURE: "A period can be closed once it has ended; `ends_at` is in the future.",
    ClosingRefusal.TOO_EARLY: "`ends_at` is not after 1970, when the ledger's time begins.",
    ClosingRefusal.NOT_AFTER_LAST: "`ends_at` must be after the end of the newest closed period.",
}


@dataclass(frozen=True, slots=True)
class Closings:
    """What became of each request, in order, and which periods are new, oldest first."""

    outcomes: Sequence[ClosedPeriod | ClosingRefusal]
    closed: Sequence[ClosedPeriod]


def decide(
    known: Mapping[UUID, ClosedPeriod], closed_until: datetime | None, requests: Sequence[ClosingRequest], now: datetime
) -> Closings:
    """Close or refuse each, in order. `known` are periods that exist under the requested ids, `now` the ledger's time.

    A period may end now: what is posted from here on becomes effective now or later, and so not in it.
    """
    periods = dict(known)
    outcomes: list[ClosedPeriod | ClosingRefusal] = []
    closed: list[ClosedPeriod] = []
    for request in requests:
        outcome = periods.get(request.period_id) or _closed(closed_until, request, now)
        if isinstance(outcome, ClosedPeriod) and outcome.ends_at != request.ends_at:
            outcome = ClosingRefusal.ID_REUSED
        elif isinstance(outcome, ClosedPeriod) and outcome.id not in periods:
            periods[outcome.id] = outcome
            closed.append(outcome)
            closed_until = outcome.ends_at
        outcomes.append(outcome)
    return Closings(outcomes, closed)


def period_resource(period: ClosedPeriod) -> Period:
    """Return the period as published."""
    return Period(
        id=period.id,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
        closed_at=period.closed_at,
        closed_by=period.closed_by,
    )


def _closed(closed_until: datetime | None, request: ClosingRequest, now: datetime) -> ClosedPeriod | ClosingRefusal:
    if request.ends_at > now:
        return ClosingRefusal.IN_FUTURE
    if request.ends_at <= BEGINNING:
        return ClosingRefusal.TOO_EARLY
    if closed_until is not None and request.ends_at <= closed_until:
        return ClosingRefusal.NOT_AFTER_LAST
    return ClosedPeriod(request.period_id, closed_until, request.ends_at, now, request.closed_by)
