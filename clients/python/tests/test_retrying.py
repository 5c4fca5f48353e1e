"""When and after how long a request is sent again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerlink_client.retrying import Repeatable, Retries, may_succeed_later, retry_after

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


@given(
    attempt=st.integers(1, 10_000),
    chance=st.floats(0, 1, exclude_max=True),
    asked_for=st.none() | st.floats(0, 10_000),
)
def test_a_pause_grows_is_bounded_and_never_shorter_than_what_was_asked_for(
    attempt: int, chance: float, asked_for: float | None
) -> None:
    retries = Retries(first_pause=0.1, longest_pause=5.0, chance=lambda: chance)
    pause = retries.pause(attempt, asked_for)
    doubled = min(5.0, 0.1 * 2 ** min(attempt - 1, 32))
    assert pause >= max(doubled / 2, asked_for or 0)
    assert pause <= max(doubled, (asked_for or 0) + 0.1)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("2", 2.0),
        ("0.250", 0.25),
        ("-1", 0.0),
        ("Mon, 05 Jan 2026 09:31:00 GMT", 60.0),
        ("Mon, 05 Jan 2026 09:29:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(said: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": said}, lambda: NOW) == seconds


@pytest.mark.parametrize(
    ("status", "code", "with_key", "without"),
    [
        (409, "idempotency_key_in_progress", True, True),
        (409, "email_taken", False, False),
        (422, "invalid_request", False, False),
        (402, "insufficient_funds", False, False),
        (429, "rate_limited", True, True),
        (500, "internal_error", True, False),
        (502, "", True, False),
        (503, "unavailable", True, False),
        (503, "overloaded", True, True),
        (503, "outcome_unknown", True, False),
    ],
)
def test_what_may_have_happened_is_only_repeated_with_a_key(
    status: int, code: str, *, with_key: bool, without: bool
) -> None:
    assert may_succeed_later(status, code, Repeatable.ALWAYS) is with_key
    assert may_succeed_later(status, code, Repeatable.UNLESS_IT_MAY_HAVE_HAPPENED) is without
