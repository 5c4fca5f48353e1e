from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.identity.domain import throttling
from apps.identity.domain.throttling import ACCOUNT, ACCOUNT_AT_ADDRESS, ADDRESS, DEVICE, SECOND_FACTOR, Counter, Policy

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
NONE = Counter(0, START)
LONGEST = timedelta(minutes=15)
policies = st.sampled_from([ACCOUNT_AT_ADDRESS, ADDRESS, DEVICE, SECOND_FACTOR])
pauses = st.lists(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1)), max_size=60)


def _failed(policy: Policy, times: int) -> Counter:
    counter = NONE
    for _ in range(times):
        counter = throttling.after_failure(policy, counter, START)
    return counter


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (4, 0), (5, 0), (6, 1), (7, 2), (8, 4), (14, 256), (15, 512), (16, 900), (17, 900), (1000, 900)],
)
def test_five_guesses_are_free_and_then_the_wait_doubles_up_to_a_quarter_of_an_hour(
    failures: int, seconds: int
) -> None:
    counter = _failed(ACCOUNT_AT_ADDRESS, failures)
    assert throttling.wait(ACCOUNT_AT_ADDRESS, counter, START) == timedelta(seconds=seconds)


@given(policies, pauses)
def test_the_wait_is_never_negative_nor_longer_than_a_quarter_of_an_hour(
    policy: Policy, between: list[timedelta]
) -> None:
    now, counter = START, NONE
    for pause in between:
        now += pause
        counter = throttling.after_failure(policy, counter, now)
        assert timedelta(0) <= throttling.wait(policy, counter, now) <= LONGEST
        assert throttling.wait(policy, counter, now + LONGEST) == timedelta(0)
        assert counter.failures <= policy.most


@given(policies, pauses)
def test_a_guesser_who_waits_as_told_gets_few_guesses_a_day(policy: Policy, between: list[timedelta]) -> None:
    now, counter, made = START, NONE, 0
    end = START + timedelta(days=1)
    extra = iter(between)
    while True:
        now += throttling.wait(policy, counter, now) + min(next(extra, timedelta(0)), timedelta(minutes=1))
        if now > end:
            break
        counter, made = throttling.after_failure(policy, counter, now), made + 1
    # What is free, the doublings, one for each that is forgiven, and one for each longest wait.
    bound = policy.most + timedelta(days=1) / policy.forgiven_every + timedelta(days=1) / LONGEST + 1
    assert made <= bound


@given(policies, st.integers(min_value=0, max_value=200))
def test_what_was_counted_is_forgotten_only_when_it_says_nothing_any_more(policy: Policy, failures: int) -> None:
    later = START + throttling.FORGOTTEN_AFTER
    assert throttling.failures_now(policy, _failed(policy, failures), later) == 0


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=1)))
def test_a_clock_that_is_behind_neither_forgives_nor_waits_longer(behind: timedelta) -> None:
    counter = _failed(ACCOUNT_AT_ADDRESS, 8)
    assert throttling.failures_now(ACCOUNT_AT_ADDRESS, counter, START - behind) == 8
    assert throttling.wait(ACCOUNT_AT_ADDRESS, counter, START - behind) <= LONGEST


def test_the_owner_is_warned_once_a_day() -> None:
    account = _failed(ACCOUNT, 21)
    assert not throttling.should_warn(_failed(ACCOUNT, 20), NONE, START)
    assert throttling.should_warn(account, NONE, START)
    warned = Counter(1, START)
    assert not throttling.should_warn(account, warned, START + timedelta(minutes=1))
    again = Counter(ACCOUNT.most, START + timedelta(days=1))
    assert throttling.should_warn(again, warned, START + timedelta(days=1))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("nonsense", "", True),
    ],
)
def test_one_customer_of_a_provider_counts_as_one_address(one: str, other: str, *, same: bool) -> None:
    assert (throttling.network(one) == throttling.network(other)) is same
