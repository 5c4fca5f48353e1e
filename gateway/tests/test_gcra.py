"""The rule of rate limits: as a model tells it, as gateway.gcra decides it, and as the script does inside Redis."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from fractions import Fraction
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as running_with
from hypothesis import strategies as st

from gateway.gcra import SECOND, Charge, Policy, Standing
from gateway.local_limit import LocalLimit
from gateway.redis_limit import SCRIPT, RedisLimit

CLOCK = "local clock = redis.call('TIME')\nlocal now = clock[1] * 1000000 + clock[2]\n"
TOLD = "local now = tonumber(redis.call('GET', 'test:clock'))\n"
EXPIRY = ", 'PX', math.ceil((due - now) / 1000) + 1"
START = 1_700_000_000 * SECOND


class Buckets:
    """The model, in words of its own: a bucket of units per key, filled evenly; all are taken from, or none is."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[Fraction, int]] = {}

    def check(self, charges: Sequence[Charge], now: int) -> list[Standing]:
        left = [self._left(charge, now) for charge in charges]
        enough = [has >= charge.cost for has, charge in zip(left, charges, strict=True)]
        admitted = all(fits or charge.policy.shadow for fits, charge in zip(enough, charges, strict=True))
        told = []
        for charge, has, fits in zip(charges, left, enough, strict=True):
            has_now = has - charge.cost if admitted and fits else has
            self._buckets[charge.key] = (has_now, now)
            lacking = max(Fraction(0), charge.cost - has) * charge.policy.interval
            used = (charge.policy.quota - has_now) * charge.policy.interval
            told.append(Standing(int(lacking), int(used)))
        return told

    def _left(self, charge: Charge, now: int) -> Fraction:
        has, then = self._buckets.get(charge.key, (Fraction(charge.policy.quota), now))
        return min(Fraction(charge.policy.quota), has + Fraction(now - then, charge.policy.interval))


POLICIES = st.builds(Policy, st.just("p"), st.integers(1, 12), st.integers(1, 5), st.booleans())


@st.composite
def courses(draw: st.DrawFn) -> list[tuple[int, list[Charge]]]:
    """Requests at rising instants, each charged under one to four policies for one of two users."""
    policies = [
        Policy(f"p{number}", p.quota, p.window, p.shadow)
        for number, p in enumerate(draw(st.lists(POLICIES, min_size=1, max_size=4)))
    ]
    now, course = START, []
    for _ in range(draw(st.integers(1, 40))):
        now += draw(st.one_of(st.just(0), st.integers(0, SECOND), st.integers(0, 6 * SECOND)))
        asked = draw(st.lists(st.sampled_from(policies), min_size=1, unique=True))
        who = draw(st.sampled_from(["ann", "bob"]))
        course.append((now, [Charge(p, who, draw(st.integers(1, p.quota))) for p in asked]))
    return course


@given(courses())
def test_the_local_limiter_is_the_model(course: list[tuple[int, list[Charge]]]) -> None:
    model, local = Buckets(), LocalLimit(1000)
    for now, charges in course:
        assert local.check(charges, now) == model.check(charges, now)


Run = Callable[[Coroutine[Any, Any, list[Standing]]], list[Standing]]


@pytest.fixture
def told_the_time(valkey_url: str) -> Iterator[tuple[redis.Redis, RedisLimit, Run]]:
    """The script in real Valkey, by a clock that the test sets, and by which nothing expires."""
    assert SCRIPT.count(CLOCK) == SCRIPT.count(EXPIRY) == 1
    script = SCRIPT.replace(CLOCK, TOLD).replace(EXPIRY, "")
    with asyncio.Runner() as runner, redis.Redis.from_url(valkey_url) as client:
        limit = RedisLimit(valkey_url, script)
        yield client, limit, runner.run
        runner.run(limit.close())


@running_with(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(course=courses())
def test_the_script_is_the_model(
    told_the_time: tuple[redis.Redis, RedisLimit, Run], course: list[tuple[int, list[Charge]]]
) -> None:
    client, limit, run = told_the_time
    client.flushall()
    model = Buckets()
    for now, charges in course:
        client.set("test:clock", now)
        assert run(limit.check(charges)) == model.check(charges, now)
