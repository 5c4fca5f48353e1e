"""When a delivery is tried again, who asks for an event, and what an answer means."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.payments.domain.delivering import (
    GIVE_UP_AFTER,
    LONGEST_RETRY_AFTER,
    RETRY_WINDOWS,
    DisabledReason,
    Health,
    SendError,
    Sent,
    after_attempt,
    after_attempts,
    body_of,
    matches,
    next_attempt,
    parse_retry_after,
    unknown_filters,
)
from contracts.payments import EVENT_TYPES, DeliveryStatus

T0 = datetime(2026, 11, 22, 10, tzinfo=UTC)
LUCK = st.floats(0, 1, exclude_max=True)
HOUR = timedelta(hours=1)


def sent(status: int | None = None, at: datetime = T0, retry_after: timedelta = timedelta()) -> Sent:
    error = SendError.TIMED_OUT if status is None else None
    return Sent(at, 10, status, error, retry_after)


@given(st.lists(LUCK, min_size=20, max_size=20), st.lists(st.floats(0.001, 10), min_size=20, max_size=20))
def test_retries_go_on_for_three_days_whatever_the_luck(luck: list[float], took: list[float]) -> None:
    now, moments = T0, [T0]
    for tries in range(1, 21):
        now += timedelta(seconds=took[tries - 1])
        moment = next_attempt(tries, T0, now, luck[tries - 1])
        if moment is None:
            break
        assert moment >= now
        now = moment
        moments.append(moment)
    assert len(moments) <= len(RETRY_WINDOWS) + 1
    assert moments == sorted(moments)
    # The last retry is in the last window: neither too early nor after three days.
    assert T0 + RETRY_WINDOWS[-1][0] <= moments[-1] <= T0 + GIVE_UP_AFTER


@given(st.lists(LUCK, min_size=12, max_size=12))
def test_the_nth_retry_falls_in_the_nth_window_when_answers_are_quick(luck: list[float]) -> None:
    now = T0
    for tries, (opens, closes) in enumerate(RETRY_WINDOWS, start=1):
        moment = next_attempt(tries, T0, now, luck[tries - 1])
        assert moment is not None
        assert T0 + opens <= moment <= T0 + closes
        now = moment
    assert next_attempt(len(RETRY_WINDOWS) + 1, T0, now, luck[-1]) is None


def test_windows_adjoin_and_grow() -> None:
    assert RETRY_WINDOWS[0][0] == timedelta()
    assert RETRY_WINDOWS[-1][1] == GIVE_UP_AFTER
    assert all(one[1] == other[0] for one, other in pairwise(RETRY_WINDOWS))
    lengths = [closes - opens for opens, closes in RETRY_WINDOWS]
    assert lengths == sorted(lengths)


def test_retries_are_spread_over_their_window() -> None:
    moments = {next_attempt(3, T0, T0, luck / 100) for luck in range(100)}
    assert len(moments) == 100


@given(st.integers(1, 12), st.floats(0, GIVE_UP_AFTER.total_seconds()), st.floats(0, 86400), LUCK)
def test_a_retry_is_never_before_the_wish_of_the_endpoint(tries: int, elapsed: float, wish: float, luck: float) -> None:
    now = T0 + timedelta(seconds=elapsed)
    standing = after_attempt(sent(503, retry_after=timedelta(seconds=wish)), tries, T0, now, luck)
    if standing.next_at is None:
        assert standing.status is DeliveryStatus.FAILED
    else:
        assert now + timedelta(seconds=wish) <= standing.next_at <= T0 + GIVE_UP_AFTER


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, DeliveryStatus.SUCCEEDED),
        (204, DeliveryStatus.SUCCEEDED),
        (299, DeliveryStatus.SUCCEEDED),
        (101, DeliveryStatus.PENDING),
        (301, DeliveryStatus.PENDING),
        (308, DeliveryStatus.PENDING),
        (400, DeliveryStatus.PENDING),
        (404, DeliveryStatus.PENDING),
        (429, DeliveryStatus.PENDING),
        (500, DeliveryStatus.PENDING),
        (599, DeliveryStatus.PENDING),
        (410, DeliveryStatus.FAILED),
        (None, DeliveryStatus.PENDING),
    ],
)
def test_what_an_answer_means(status: int | None, result: DeliveryStatus) -> None:
    standing = after_attempt(sent(status), 1, T0, T0, 0.5)
    assert standing.status is result
    assert (standing.next_at is not None) == (result is DeliveryStatus.PENDING)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("120", 120),
        ("86401", 86400),
        ("9" * 400, 86400),
        ("-5", 0),
        ("1.5", 0),
        ("٣", 0),
        ("soon", 0),
        (format_datetime(T0 + 2 * HOUR, usegmt=True), 7200),
        (format_datetime(T0 - HOUR, usegmt=True), 0),
        ("Sun, 22 Nov 2026 12:00:00", 7200),
        ("Sun, 22 Nov 9999 12:00:00 GMT", 86400),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999999999", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: int) -> None:
    assert parse_retry_after(text, T0) == timedelta(seconds=seconds)


@given(st.text())
def test_retry_after_never_fails_and_never_asks_for_more_than_a_day(text: str) -> None:
    assert timedelta() <= parse_retry_after(text, T0) <= LONGEST_RETRY_AFTER


def test_an_endpoint_that_fails_for_three_days_is_disabled_and_a_success_in_between_saves_it() -> None:
    start = after_attempts(Health(), [sent(500)], T0)
    assert start == Health(T0, None)
    almost = T0 + GIVE_UP_AFTER - timedelta(seconds=1)
    assert after_attempts(start, [sent(500, almost)], almost) == start
    late = T0 + GIVE_UP_AFTER
    assert after_attempts(start, [sent(None, late)], late) == Health(T0, DisabledReason.FAILING)
    assert after_attempts(start, [sent(200, almost), sent(500, late)], late) == Health(late, None)


def test_410_disables_at_once_and_a_late_success_does_not_enable() -> None:
    gone = after_attempts(Health(), [sent(410)], T0)
    assert gone == Health(T0, DisabledReason.GONE)
    assert after_attempts(gone, [sent(200)], T0).disabled is DisabledReason.GONE


FILTERS = st.lists(
    st.sampled_from([*EVENT_TYPES, "*", "payment_intent.*", "refund.*", "dispute.*"]), min_size=1, max_size=20
)


@given(FILTERS, st.sampled_from(EVENT_TYPES))
def test_a_filter_is_a_type_a_family_or_everything(filters: list[str], event: str) -> None:
    expected = any(
        asked in ("*", event) or (asked.endswith(".*") and event.startswith(asked[:-1])) for asked in filters
    )
    assert matches(filters, event) is expected
    assert unknown_filters(filters, EVENT_TYPES) == []


@pytest.mark.parametrize("asked", ["payment_intent.suceeded", "payment.*", "payment_intent", "", "refund.*.*"])
def test_misspelt_filters_are_found(asked: str) -> None:
    assert unknown_filters(["*", asked], EVENT_TYPES) == [asked]


def test_a_body_is_json_with_the_data_as_it_is() -> None:
    data = '{"refund":{"amount":1,"note":"Zoë"}}'
    event_id = UUID("019a8f2e-7c00-7000-8000-000000000001")
    body = orjson.loads(body_of(event_id, "refund.created", T0, data))
    assert body == {
        "id": str(event_id),
        "type": "refund.created",
        "timestamp": "2026-11-22T10:00:00.000000Z",
        "data": {"refund": {"amount": 1, "note": "Zoë"}},
    }
