"""Rate limits: exact under concurrency, the same with and without Redis, and told to whoever they limit."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from pydantic import SecretStr

from contracts.ids import new_id
from contracts.wallet import ListAccounts
from gateway.gcra import SECOND, Charge, Policy
from gateway.local_limit import LocalLimit
from gateway.rate_fields import rate_fields
from gateway.rate_limit import RateLimit, Verdict
from gateway.redis_limit import RedisLimit
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running
from gateway.tests.scripted_services import ScriptedServices, completed
from ops.stack.ports import free_port

LONG = 86_400  # seconds of a window in which nothing comes back while a test runs
CHECKS = 50_000


@asynccontextmanager
async def limiting(url: str) -> AsyncIterator[RateLimit]:
    limit = RateLimit(url)
    yield limit
    await limit.close()


def admitted(verdicts: Sequence[Verdict]) -> int:
    return sum(not verdict.refusing for verdict in verdicts)


async def test_of_many_at_once_not_one_too_many(valkey_url: str) -> None:
    tight, loose = Policy("tight", 20, LONG), Policy("loose", 50, LONG)
    kinds = [[Charge(tight, "ann")], [Charge(loose, "ann")], [Charge(tight, "ann"), Charge(loose, "ann")]]
    asked = [random.choice(kinds) for _ in range(CHECKS)]  # noqa: S311
    limits = [RedisLimit(valkey_url) for _ in range(4)]
    answers = await asyncio.gather(*(limits[n % 4].check(charges) for n, charges in enumerate(asked)))
    counts = {tight: 0, loose: 0}
    for charges, standings in zip(asked, answers, strict=True):
        if not any(standing.early for standing in standings):
            for charge in charges:
                counts[charge.policy] += 1
    assert counts == {tight: 20, loose: 50}  # less would be a charge of a request that another policy refused
    for limit in limits:
        await limit.close()


async def test_a_refused_request_costs_nothing(valkey_url: str) -> None:
    empty, full = Charge(Policy("empty", 1, LONG), "ann"), Charge(Policy("full", 5, LONG), "ann", cost=2)
    async with limiting(valkey_url) as limit:
        assert not (await limit.check([empty])).refusing
        for _ in range(10):
            verdict = await limit.check([empty, full])
            assert verdict.refusing == ["empty"]
            assert verdict.wait > LONG - 600
        verdicts = [await limit.check([full]) for _ in range(3)]
        assert [bool(v.refusing) for v in verdicts] == [False, False, True]


async def test_a_policy_in_shadow_counts_and_refuses_nothing(valkey_url: str) -> None:
    shadow = Charge(Policy("in_shadow", 2, LONG, shadow=True), "ann")
    enforced = Charge(Policy("enforced", 4, LONG), "ann")
    before = _refusals("in_shadow", "shadow")
    async with limiting(valkey_url) as limit:
        verdicts = [await limit.check([shadow, enforced]) for _ in range(5)]
    assert [v.refusing for v in verdicts] == [[], [], [], [], ["enforced"]]
    assert _refusals("in_shadow", "shadow") - before == 3
    assert _refusals("in_shadow", "enforced") == 0
    assert dict(rate_fields(verdicts[0])) == {
        b"ratelimit-policy": b'"enforced";q=4;w=86400',
        b"ratelimit": b'"enforced";r=3;t=21600',
    }


def _refusals(policy: str, mode: str) -> float:
    labels = {"policy": policy, "mode": mode}
    return REGISTRY.get_sample_value("ledgerlink_rate_limit_policy_refusals_total", labels) or 0.0


async def test_users_do_not_share(valkey_url: str) -> None:
    policy = Policy("user", 1, LONG)
    async with limiting(valkey_url) as limit:
        verdicts = [await limit.check([Charge(policy, who)]) for who in ("ann", "bob", "ann")]
        assert [bool(v.refusing) for v in verdicts] == [False, False, True]


async def test_who_waits_as_told_is_admitted(valkey_url: str) -> None:
    charge = Charge(Policy("user", 5, 1), "ann")
    async with limiting(valkey_url) as limit:
        while not (verdict := await limit.check([charge])).refusing:
            pass
        assert 0.0 < verdict.wait <= 0.2
        await asyncio.sleep(verdict.wait)
        assert not (await limit.check([charge])).refusing


async def test_keys_do_not_stay_in_redis(valkey_url: str) -> None:
    async with limiting(valkey_url) as limit:
        await limit.check([Charge(Policy("user", 100, 10), "ann", cost=50)])
    with redis.Redis.from_url(valkey_url) as client:
        (key,) = client.keys()
        assert 0 < client.pttl(key) <= 5002


async def test_a_redis_that_forgot_the_script_is_given_it_again(valkey_url: str) -> None:
    charge = Charge(Policy("user", 3, LONG), "ann")
    async with limiting(valkey_url) as limit:
        assert not (await limit.check([charge])).refusing
        with redis.Redis.from_url(valkey_url) as client:
            client.script_flush()
        verdicts = await asyncio.gather(*(limit.check([charge]) for _ in range(10)))
        assert admitted(verdicts) == 2
        assert not limit.is_degraded


async def test_without_redis_the_process_limits_alone() -> None:
    tight, loose = Charge(Policy("tight", 3, LONG), "ann"), Charge(Policy("loose", 4, LONG), "ann")
    async with limiting(f"redis://127.0.0.1:{free_port()}") as limit:
        verdicts = [await limit.check([tight, loose]) for _ in range(50)]
        assert admitted(verdicts) == 3
        assert limit.is_degraded
        assert REGISTRY.get_sample_value("ledgerlink_rate_limit_degraded") == 1
        assert admitted([await limit.check([loose]) for _ in range(5)]) == 1


async def test_a_redis_that_hangs_keeps_nobody_waiting_for_good() -> None:
    left = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await left.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    charge = Charge(Policy("user", 7, LONG), "ann")
    async with limiting(f"redis://127.0.0.1:{port}") as limit:
        verdicts = await asyncio.gather(*(limit.check([charge]) for _ in range(1000)))
        assert admitted(verdicts) == 7
    left.set()
    server.close()
    await server.wait_closed()


async def test_more_than_may_wait_for_redis_are_told_at_once(valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.redis_limit._MOST_WAITING", 5)
    limit, charge = RedisLimit(valkey_url), Charge(Policy("user", 1000, LONG), "ann")
    answers = await asyncio.gather(*(limit.check([charge]) for _ in range(8)), return_exceptions=True)
    assert [isinstance(answer, redis.RedisError) for answer in answers] == [False] * 5 + [True] * 3
    await limit.close()


async def test_who_leaves_disturbs_nobody(valkey_url: str) -> None:
    charge = Charge(Policy("user", 1000, LONG), "ann")
    async with limiting(valkey_url) as limit:
        checks = [asyncio.create_task(limit.check([charge])) for _ in range(100)]
        await asyncio.sleep(0)
        for check in checks[::2]:
            check.cancel()
        answers = await asyncio.gather(*checks, return_exceptions=True)
        assert admitted([a for a in answers if isinstance(a, Verdict)]) == 50


async def test_redis_is_used_again_when_it_is_back(valkey_url: str) -> None:
    charge = Charge(Policy("user", 10, LONG), "ann")
    async with limiting(valkey_url) as limit:
        await limit._note_absence(OSError("gone"))
        assert limit.is_degraded
        await limit.check([charge])
        with redis.Redis.from_url(valkey_url) as client:
            assert client.keys() == []
            limit._away_until = 0.0
            await limit.check([charge])
            assert client.keys() == [charge.key.encode()]
        assert REGISTRY.get_sample_value("ledgerlink_rate_limit_degraded") == 0


@given(st.lists(st.integers(0, 2 * SECOND), min_size=1, max_size=200), st.integers(1, 10), st.integers(1, 20))
def test_never_more_than_the_quota_and_what_comes_back(pauses: list[int], quota: int, window: int) -> None:
    limit, charge, now, count = LocalLimit(10), Charge(Policy("user", quota, window), "ann"), SECOND, 0
    for pause in pauses:
        now += pause
        (standing,) = limit.check([charge], now)
        count += not standing.early
        assert count <= quota + (now - SECOND) * quota / (window * SECOND)


@given(st.integers(1, 10**6), st.integers(1, LONG))
def test_a_unit_comes_back_no_sooner_than_promised(quota: int, window: int) -> None:
    interval = Policy("user", quota, window).interval
    assert (interval - 1) * quota < window * SECOND <= interval * quota


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 3))
def test_the_wait_that_is_told_is_exactly_enough(quota: int, window: int, cost: int) -> None:
    charge = Charge(Policy("user", quota + 2, window), "ann", cost)
    limit, now = LocalLimit(10), SECOND
    while not (early := limit.check([charge], now)[0].early):
        pass
    assert limit.check([charge], now + early - 1)[0].early == 1
    assert limit.check([charge], now + early)[0].early == 0


def test_the_local_memory_is_bounded() -> None:
    limit, policies = LocalLimit(5), [Policy("a", 1, 1), Policy("b", 1, 1)]
    for number in range(100):
        limit.check([Charge(policy, str(number)) for policy in policies], SECOND)
    assert len(limit._due) == 5


FILE = """
[policies]
anonymous = {per = "anonymous", quota = 2, window = 3600}
user = {per = "user", quota = 5, window = 3600}
client = {per = "client", quota = 100, window = 3600}
trial = {per = "user", quota = 1, window = 3600, shadow = true}

[[classes]]
name = "money"
methods = ["POST"]
paths = ["/v1/transfers", "/v1/holds/**"]
policies = ["user", "trial"]
cost = 1

[[classes]]
name = "other"
policies = ["anonymous", "user", "client"]
cost = 2
"""


@pytest.fixture
def tight(tmp_path: Path, settings: Callable[..., GatewaySettings]) -> GatewaySettings:
    path = tmp_path / "limits.toml"
    path.write_text(FILE)
    return settings(rate_limits=path)


async def test_every_limited_answer_tells_what_is_left(
    tight: GatewaySettings, services: ScriptedServices, user: UUID
) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    async with running(tight) as gateway:
        bearer = services.signer.bearer
        first, second, third = [await gateway.http.get("/v1/wallets", headers=bearer(user)) for _ in range(3)]
        assert first.headers["RateLimit-Policy"] == '"user";q=5;w=3600, "client";q=100;w=3600'
        assert first.headers["RateLimit"].startswith('"user";r=3;t=1440, "client";r=98;t=')
        assert (second.status_code, second.headers["RateLimit"].split(";")[1]) == (200, "r=1")
        assert (third.status_code, third.json()["code"]) == (429, "rate_limited")
        assert third.json()["violated-policies"] == ["user"]
        assert third.headers["RateLimit-Policy"] == first.headers["RateLimit-Policy"]
        assert third.headers["RateLimit"].split(";")[1] == "r=1"
        assert third.headers["X-Correlation-Id"] == third.json()["correlation_id"]
        assert 600 < int(third.headers["Retry-After"]) <= 720
        assert (await gateway.http.get("/v1/wallets", headers=bearer(new_id()))).status_code == 200


async def test_a_class_has_policies_and_a_price_of_its_own(
    tight: GatewaySettings, services: ScriptedServices, user: UUID
) -> None:
    async with running(tight) as gateway:
        headers = services.signer.bearer(user)
        answers = [await gateway.http.post(f"/v1/holds/{new_id()}/void", headers=headers) for _ in range(6)]
        assert [a.status_code for a in answers] == [400] * 5 + [429]  # a price of 1, and the trial refuses nobody
        assert answers[0].headers["RateLimit-Policy"] == '"user";q=5;w=3600'
        metrics = (await gateway.http.get("/metrics")).text
        assert 'ledgerlink_rate_limit_policy_refusals_total{mode="shadow",policy="trial"}' in metrics


async def test_without_a_token_the_address_is_limited(tight: GatewaySettings, services: ScriptedServices) -> None:
    assert services.accounts == {}
    async with running(tight) as gateway:
        wrong = {"Authorization": "Bearer nonsense"}
        answers = [await gateway.http.get("/v1/wallets", headers=wrong) for _ in range(2)]
        assert [a.status_code for a in answers] == [401, 429]
        assert answers[0].headers["RateLimit"] == '"anonymous";r=0;t=3600'
        unlimited = await gateway.http.get("/healthz")
        assert unlimited.status_code == 200
        assert "RateLimit" not in unlimited.headers


async def test_the_gateway_serves_without_redis(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID
) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    away = SecretStr(f"redis://127.0.0.1:{free_port()}")
    async with running(settings(redis_url=away)) as gateway:
        answers = [await _wallets(gateway, services.signer.bearer(user)) for _ in range(5)]
        assert [a.status_code for a in answers] == [200] * 5
        assert all(math.isfinite(int(a.headers["RateLimit"].rpartition("=")[2])) for a in answers)
        ready = await gateway.http.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["redis"]) == (200, "away, each process limits alone")
        metrics = (await gateway.http.get("/metrics")).text
        assert 'ledgerlink_rate_limit_decisions_total{decision="admitted",store="local"}' in metrics
        assert "ledgerlink_rate_limit_degraded 1.0" in metrics


async def _wallets(gateway: Gateway, headers: dict[str, str]) -> httpx.Response:
    return await gateway.http.get("/v1/wallets", headers=headers)
