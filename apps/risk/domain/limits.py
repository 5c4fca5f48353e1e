"""Limits: what a payer may pay at once, in a day and in a month (UTC), and what of that comes free again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from apps.risk.domain.features.computing import NO_LIMIT, Context
from contracts.ids import made_at
from contracts.payments import PaymentIntent, PaymentStatus


class LimitRefusal(Enum):
    """Why limits are not set."""

    LIMITS_NOT_ASCENDING = "limits_not_ascending"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return "Per payment is not more than per day, and per day not more than per month."


class Limit(NamedTuple):
    """What may be paid at once, in a day and in a month, in major units."""

    per_payment: int
    per_day: int
    per_month: int

    @property
    def refusal(self) -> LimitRefusal | None:
        """Why it cannot be set, if it cannot."""
        is_ascending = self.per_payment <= self.per_day <= self.per_month
        return None if is_ascending else LimitRefusal.LIMITS_NOT_ASCENDING


class Use(NamedTuple):
    """What counts against limits on a day, and in its month up to then, in minor units of one currency."""

    day: int = 0
    month: int = 0


class Left(NamedTuple):
    """What is left of each limit, in minor units; negative above it."""

    payment: int = NO_LIMIT
    day: int = NO_LIMIT
    month: int = NO_LIMIT


def left_after(limit: Limit | None, unit: int, use: Use, amount: int) -> Left:
    """Return what is left after a payment of this amount; `unit` is minor units in a major one."""
    if limit is None:
        return Left()
    return Left(
        limit.per_payment * unit - amount,
        limit.per_day * unit - use.day - amount,
        limit.per_month * unit - use.month - amount,
    )


def after_more(context: Context, spent: int) -> Context:
    """Return what is known of a payment, where the payer has spent more meanwhile on the same day."""
    if not spent:
        return context
    day, month = context.limit_day_left - spent, context.limit_month_left - spent
    return replace(context, limit_day_left=day, limit_month_left=month)


def day_of(moment: datetime) -> date:
    """Return the day on which a moment counts (UTC)."""
    return moment.astimezone(UTC).date()


def first_of_month(day: date) -> date:
    """Return the first day whose payments count in the month of a day."""
    return day.replace(day=1)


def start_of(day: date) -> datetime:
    """Return the first moment of a day."""
    return datetime.combine(day, time.min, UTC)


class Counted(NamedTuple):
    """A payment that counts against its payer's limits, from the day on which it was approved."""

    payment_intent_id: UUID
    assessment_id: UUID
    payer: UUID
    currency: str
    amount: int
    day: date


class Ended(NamedTuple):
    """That an attempt to pay is over, and what of its amount has moved: all else counts no longer.

    `at` is by the millisecond, as ids of assessments are. It is about all assessments of the payment from before then.
    """

    payment_intent_id: UUID
    at: datetime
    kept: int

    def covers(self, assessment_id: UUID) -> bool:
        """Tell whether an assessment was asked for before the end: one of later belongs to the next attempt."""
        return made_at(assessment_id) < self.at


class Release(NamedTuple):
    """An amount that counted on a day, and does so no longer."""

    payer: UUID
    currency: str
    day: date
    amount: int


@dataclass(frozen=True, slots=True)
class Releases:
    """What comes free, and the newest ends of the payments, by which it is known that it has."""

    ends: tuple[Ended, ...]
    amounts: tuple[Release, ...]


def ended(intent: PaymentIntent) -> Ended | None:
    """Return the end of an attempt that a payment tells of, None where nothing comes free by it.

    What was authorised and captured in part only keeps what was captured; what was refunded has moved, and stays.
    """
    if intent.status is PaymentStatus.SUCCEEDED and intent.amount_captured >= intent.amount:
        return None
    at = intent.updated_at.astimezone(UTC)
    return Ended(intent.id, at.replace(microsecond=at.microsecond // 1000 * 1000), intent.amount_captured)


def latest(ends: Iterable[Ended]) -> dict[UUID, Ended]:
    """Return the latest end of each payment."""
    return {end.payment_intent_id: end for end in sorted(ends, key=lambda end: end.at)}


def release(known: Mapping[UUID, Ended], told: Iterable[Ended], counted: Sequence[Counted]) -> Releases:
    """Return what comes free by what was told, beside the ends that are `known`, by payment. Nothing does so twice.

    Of several assessments of one payment only the newest has anything to keep: it was asked for since the others ended.
    """
    newest = {i: end for i, end in latest(told).items() if i not in known or end.at > known[i].at}
    by_payment: dict[UUID, list[Counted]] = {}
    for payment in counted:
        by_payment.setdefault(payment.payment_intent_id, []).append(payment)
    amounts = (
        free for intent, end in newest.items() for free in _set_free(end, known.get(intent), by_payment.get(intent, ()))
    )
    return Releases(tuple(newest.values()), tuple(amounts))


def _set_free(end: Ended, before: Ended | None, counted: Sequence[Counted]) -> Iterator[Release]:
    over = sorted((c for c in counted if end.covers(c.assessment_id)), key=lambda c: made_at(c.assessment_id))
    for payment in over:
        if before and before.covers(payment.assessment_id):
            continue
        kept = end.kept if payment is over[-1] else 0
        if payment.amount > kept:
            yield Release(payment.payer, payment.currency, payment.day, payment.amount - kept)
