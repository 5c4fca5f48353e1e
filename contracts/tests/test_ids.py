"""UUIDv7 carries its time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import first_id_of, made_at, new_id


def test_a_new_id_is_version_7_and_carries_now() -> None:
    identifier = new_id()
    assert identifier.version == 7
    assert abs(datetime.now(UTC) - made_at(identifier)) < timedelta(seconds=5)


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_first_id_of_an_instant_carries_it_and_bounds_it(instant: datetime) -> None:
    first = first_id_of(instant)
    assert first.version == 7
    assert timedelta(0) <= instant - made_at(first) < timedelta(milliseconds=1)
    assert first_id_of(instant + timedelta(milliseconds=1)) > first
