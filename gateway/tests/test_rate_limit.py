"""The rate limit: the same rule in Redis and without it."""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from redis.exceptions import TimeoutError as RedisTimeoutError

from contracts.ids import new_id
from contracts.wallet import ListAccounts
from gateway.local_limit import LocalLimit
from gateway.rate_limit import Policy, RateLimit
from gateway.settings import GatewaySettings
from gateway.tests.conftest import running
from gateway.tests.scripted_services import ScriptedServices, completed
from ops.stack.ports import free_port

SLOW = Policy("user", rate=0.5, burst=3)


async def test_a_burst_is_admitted_and_then_the_rate(valkey_url: str) -> None:
    limit = RateLimit(valkey_url)
    waits = [await limit.wait(SLOW, "ann") for _ in range(5)]
    assert waits[:3] == [0.0, 0.0, 0.0]
    assert 1.5 < waits[3] <= 2.0
    assert await limit.wait(SLOW, "bob") == 0.0
    await limit.close()


async def test_who_waits_as_told_is_admitted(valkey_url: str) -> None:
    limit, policy = RateLimit(valkey_url), Policy("user", rate=20, burst=1)
    assert await limit.wait(policy, "ann") == 0.0
    wait = await limit.wait(policy, "ann")
    assert 0.0 < wait <= 0.05
    await asyncio.sleep(wait)
    assert await limit.wait(policy, "ann") == 0.0
    await limit.close()


async def test_two_gateways_share_the_count(valkey_url: str) -> None:
    one, two = RateLimit(valkey_url), RateLimit(valkey_url)
    waits = await asyncio.gather(*(limit.wait(SLOW, "ann") for limit in (one, two) for _ in range(10)))
    assert sum(wait == 0.0 for wait in waits) == 3
    await one.close()
    await two.close()


async def test_keys_do_not_stay_in_redis(valkey_url: str) -> None:
    limit = RateLimit(valkey_url)
    await limit.wait(Policy("user", rate=100, burst=10), "ann")
    (key,) = await limit._redis.keys()
    assert 0 < await limit._redis.pttl(key) <= 12
    await limit.close()


async def test_without_redis_the_process_limits_alone_and_quickly() -> None:
    limit = RateLimit(f"redis://127.0.0.1:{free_port()}")
    started = time.monotonic()
    waits = [await limit.wait(SLOW, "ann") for _ in range(50)]
    assert time.monotonic() - started < 0.5
    assert sum(wait == 0.0 for wait in waits) == 3
    assert limit.is_degraded
    await limit.close()


async def test_connections_that_do_not_even_close_in_time_are_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = RateLimit(f"redis://127.0.0.1:{free_port()}")

    async def too_slow(**_: object) -> None:
        raise RedisTimeoutError("Timed out closing connection")

    with monkeypatch.context() as patched:
        patched.setattr(limit._redis.connection_pool, "disconnect", too_slow)
        assert await limit.wait(SLOW, "ann") == 0.0
    await limit.close()


async def test_redis_is_used_again_when_it_is_back(valkey_url: str) -> None:
    limit = RateLimit(valkey_url)
    await limit._note_absence(OSError("gone"))
    assert limit.is_degraded
    await limit.wait(SLOW, "ann")
    assert await limit._redis.keys() == []
    limit._away_until = 0.0
    await limit.wait(SLOW, "ann")
    assert len(await limit._redis.keys()) == 1
    await limit.close()


@given(st.lists(st.floats(min_value=0, max_value=2), min_size=1, max_size=200), st.integers(1, 10), st.floats(0.5, 50))
def test_never_more_than_burst_and_rate(pauses: list[float], burst: int, rate: float) -> None:
    limit, now, admitted = LocalLimit(10), 0.0, 0
    for pause in pauses:
        now += pause
        admitted += limit.wait("ann", rate, burst, now) == 0.0
        assert admitted <= burst + rate * now + 1e-6


@given(st.integers(1, 20), st.floats(0.5, 50))
def test_the_wait_that_is_told_is_enough(burst: int, rate: float) -> None:
    limit = LocalLimit(10)
    for _ in range(burst):
        assert limit.wait("ann", rate, burst, 0.0) == 0.0
    wait = limit.wait("ann", rate, burst, 0.0)
    assert wait > 0
    assert limit.wait("ann", rate, burst, wait) == 0.0


def test_the_local_memory_is_bounded() -> None:
    limit = LocalLimit(5)
    for number in range(100):
        limit.wait(str(number), 1, 1, 0.0)
    assert len(limit._due) == 5


async def test_too_many_requests_is_a_problem_that_says_when(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID
) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    async with running(settings(user_rate=0.1, user_burst=2, address_rate=0.1, address_burst=1)) as gateway:
        bearer = services.signer.bearer
        answers = [await gateway.http.get("/v1/wallets", headers=bearer(user)) for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 429]
        assert answers[2].json()["code"] == "rate_limited"
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 10
        assert answers[2].headers["X-Correlation-Id"] == answers[2].json()["correlation_id"]
        assert (await gateway.http.get("/v1/wallets", headers=bearer(new_id()))).status_code == 200
        nobody = [(await gateway.http.get("/v1/wallets")).status_code for _ in range(2)]
        assert nobody == [401, 429]
        assert (await gateway.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("number", [5])
async def test_the_gateway_serves_without_redis(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID, number: int
) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    away = SecretStr(f"redis://127.0.0.1:{free_port()}")
    async with running(settings(redis_url=away)) as gateway:
        for _ in range(number):
            answer = await gateway.http.get("/v1/wallets", headers=services.signer.bearer(user))
            assert answer.status_code == 200
        ready = await gateway.http.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["redis"]) == (200, "away, each process limits alone")
        metrics = (await gateway.http.get("/metrics")).text
        assert 'ledgerlink_rate_limit_decisions_total{decision="admitted",store="local"}' in metrics
        assert "ledgerlink_rate_limit_degraded 1.0" in metrics
