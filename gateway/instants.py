"""Instants in a request: RFC 3339 with a time zone, since without one nobody knows when it is."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from gateway.error_handlers import invalid_request

NO_INSTANT = "not an instant as of RFC 3339 with a time zone, such as 2026-01-31T23:00:00Z (in a query `+` is `%2B`)"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")


def _spelt_out(value: Any) -> Any:
    """Refuse what pydantic would guess from: numbers, dates without a time, fractions that it would cut off."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and _INSTANT.fullmatch(value)):
        raise ValueError(NO_INSTANT)
    return value


def _in_utc(moment: datetime) -> datetime:
    """Return the instant in UTC, as every answer tells it. Some at the ends of time are in no year there."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("not between the years 1 and 9999 in UTC") from None


Instant = Annotated[AwareDatetime, BeforeValidator(_spelt_out), AfterValidator(_in_utc)]
At = Annotated[Instant | None, Query(description="Count what was effective by then; now if left out")]
KnownAt = Annotated[Instant | None, Query(description="Count what was recorded by then; all if left out")]
StartsAt = Annotated[Instant, Query(description="The first instant of the period", examples=["2026-01-01T00:00:00Z"])]
EndsAt = Annotated[Instant, Query(description="The first instant after the period", examples=["2026-02-01T00:00:00Z"])]


def check_period(starts_at: datetime, ends_at: datetime) -> None:
    """Raise ProblemError `invalid_request` unless the period ends after it starts."""
    if starts_at >= ends_at:
        raise invalid_request([("query/ends_at", "must be after `starts_at`")])
