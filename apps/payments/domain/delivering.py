"""What is delivered to whom, what an endpoint's answer means, and when it is tried again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from uuid import UUID

from contracts.payments import DeliveryStatus

GIVE_UP_AFTER = timedelta(days=3)
"""From a delivery's first attempt to its last; and how long an endpoint may fail before it is disabled."""
LONGEST_RETRY_AFTER = timedelta(days=1)
_RETRIES_END = (
    timedelta(seconds=5),
    timedelta(seconds=35),
    timedelta(minutes=3),
    timedelta(minutes=13),
    timedelta(minutes=45),
    timedelta(hours=3),
    timedelta(hours=8),
    timedelta(hours=18),
    timedelta(hours=32),
    timedelta(hours=52),
    GIVE_UP_AFTER,
)
# The windows in which the first, second, third ... retry falls, measured from the first attempt. Within its window a
# retry falls anywhere (full jitter), so that what failed together does not come back together; as the windows adjoin,
# neither luck nor a lack of it makes the retries end before the three days, or after.
RETRY_WINDOWS = tuple(zip((timedelta(), *_RETRIES_END), _RETRIES_END, strict=False))


class SendError(StrEnum):
    """Why there was no answer."""

    TIMED_OUT = "timed_out"
    NAME_NOT_RESOLVED = "name_not_resolved"
    ADDRESS_REFUSED = "address_refused"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    NOT_HTTP = "not_http"
    CANNOT_SIGN = "cannot_sign"
    INTERRUPTED = "interrupted"


class DisabledReason(StrEnum):
    """Why an endpoint is disabled."""

    REQUESTED = "requested"
    GONE = "gone"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one attempt: a status, or the error that came instead. `retry_after` is the endpoint's own wish."""

    at: datetime
    milliseconds: int
    status_code: int | None = None
    error: SendError | None = None
    retry_after: timedelta = timedelta()

    @property
    def succeeded(self) -> bool:
        """Whether it was answered with 2xx. A redirect is a failure: it is not followed."""
        return self.status_code is not None and HTTPStatus.OK <= self.status_code < HTTPStatus.MULTIPLE_CHOICES

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants nothing more, ever (410)."""
        return self.status_code == HTTPStatus.GONE


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a delivery stands after an attempt; `next_at` is when it is tried again, None at its end."""

    status: DeliveryStatus
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Health:
    """Whether an endpoint works: since when each attempt failed, and why it is disabled, where it is."""

    failing_since: datetime | None = None
    disabled: DisabledReason | None = None


def matches(filters: Collection[str], event: str) -> bool:
    """Tell whether an endpoint with these filters asks for events of this type."""
    return "*" in filters or event in filters or f"{event.partition('.')[0]}.*" in filters


def unknown_filters(filters: Sequence[str], types: Collection[str]) -> list[str]:
    """Return the filters that no type of event can match: misspelt ones."""
    return [asked for asked in filters if not any(matches((asked,), event) for event in types)]


def body_of(event_id: UUID, event: str, at: datetime, data: str) -> str:
    """Return what is sent, JSON in which `data` is JSON already; every attempt sends these same bytes."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return f'{{"id":"{event_id}","type":"{event}","timestamp":"{moment}","data":{data}}}'


def after_attempt(sent: Sent, tries: int, first_at: datetime, now: datetime, luck: float) -> Standing:
    """Decide on a delivery after its attempt number `tries`; `luck` is in [0, 1)."""
    if sent.succeeded:
        return Standing(DeliveryStatus.SUCCEEDED, None)
    next_at = None if sent.gone else next_attempt(tries, first_at, now + sent.retry_after, luck)
    return Standing(DeliveryStatus.FAILED if next_at is None else DeliveryStatus.PENDING, next_at)


def next_attempt(tries: int, first_at: datetime, earliest: datetime, luck: float) -> datetime | None:
    """Return when a delivery that was tried `tries` times is tried again, not before `earliest`; None is never.

    `first_at` is when it was tried first; `luck`, in [0, 1), is where in its window the retry falls.
    """
    for opens, closes in RETRY_WINDOWS[max(tries, 1) - 1 :]:
        begin, end = max(first_at + opens, earliest), first_at + closes
        if begin < end:
            return begin + luck * (end - begin)
    return None


def after_attempts(health: Health, attempts: Sequence[Sent], now: datetime) -> Health:
    """Decide on an endpoint after these attempts, in the order in which they ended."""
    for sent in attempts:
        if sent.succeeded:
            health = Health(None, health.disabled)
        elif sent.gone:
            health = Health(health.failing_since or sent.at, DisabledReason.GONE)
        else:
            since = health.failing_since or sent.at
            has_failed_long = now - since >= GIVE_UP_AFTER
            health = Health(since, health.disabled or (DisabledReason.FAILING if has_failed_long else None))
    return health


def parse_retry_after(text: str | None, now: datetime) -> timedelta:
    """Return the wait that a Retry-After header asks for, seconds or a date (RFC 9110 §10.2.3), at most a day.

    What cannot be read asks for nothing.
    """
    if not text:
        return timedelta()
    if text.isascii() and text.isdigit():
        # No more digits than fit: a longer wait is cut anyway.
        return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return timedelta()
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta()), LONGEST_RETRY_AFTER)
