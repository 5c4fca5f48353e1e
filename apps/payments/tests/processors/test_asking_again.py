from datetime import UTC, datetime, timedelta

from apps.payments.domain.asking_again import PARKED_AT_MOST, needs_attention, parked_until, pause_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_pauses_grow_to_a_day() -> None:
    seconds = [pause_after(tries).total_seconds() for tries in range(1, 8)]
    assert seconds == [5, 30, 300, 3600, 86400, 86400, 86400]


def test_seven_daily_tries_are_enough() -> None:
    # The first try, those after 5 s, 30 s, 5 min and 1 h, and six daily ones.
    assert not needs_attention(11)
    assert needs_attention(12)


def test_parked_webhooks_wait_longer_and_longer_and_then_for_a_person() -> None:
    now, pauses, tries = NOW, [], 0
    while until := parked_until(tries := tries + 1, NOW, now):
        pauses.append((until - now).total_seconds())
        now = until
    assert pauses[:6] == [1, 5, 30, 300, 1800, 3600]
    assert pauses == sorted(pauses)
    assert PARKED_AT_MOST <= now - NOW <= PARKED_AT_MOST + timedelta(hours=1)
