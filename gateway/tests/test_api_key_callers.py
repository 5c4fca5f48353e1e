"""API keys instead of access tokens: whose one is, how seldom that is asked, and how soon one ends."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.identity import AccessRevoked, CheckApiKey, KeyHolder, RevocationReason, Role, Scope
from contracts.ids import new_id
from contracts.message import Reply
from contracts.wallet import ListAccounts
from gateway.api_keys import ApiKeys
from gateway.problems import ProblemError
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running
from gateway.tests.scripted_services import ScriptedServices, completed, refused, until

KEY = "llk_" + "k" * 43


@pytest.fixture(autouse=True)
def _wallets(services: ScriptedServices) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})


def holds(services: ScriptedServices, *keys: str, **changes: Any) -> KeyHolder:
    """Let identity know these keys, and no other."""
    scopes = [Scope.WALLETS, Scope.PAYMENTS]
    holder = KeyHolder(key=new_id(), user=new_id(), role=Role.MERCHANT, scopes=scopes, version=1)
    holder = holder.model_copy(update=changes)
    known = {hashlib.sha256(key.encode()).hexdigest() for key in keys or (KEY,)}

    def check(query: CheckApiKey) -> Reply:
        return completed(holder.model_dump(mode="json")) if query.sha256 in known else refused("invalid_token")

    services.answers[CheckApiKey] = check
    return holder


def asked(services: ScriptedServices) -> list[str]:
    return [envelope.data.sha256 for envelope in services.heard if isinstance(envelope.data, CheckApiKey)]


async def _get(gateway: Gateway, key: str = KEY, path: str = "/v1/wallets", scheme: str = "Bearer") -> httpx.Response:
    return await gateway.http.get(path, headers={"Authorization": f"{scheme} {key}"})


async def test_a_key_acts_for_its_owner(gateway: Gateway, services: ScriptedServices) -> None:
    holder = holds(services)
    for _ in range(3):
        assert (await _get(gateway)).status_code == 200
    listed = [envelope.data for envelope in services.heard if isinstance(envelope.data, ListAccounts)]
    assert {query.owner for query in listed} == {holder.user}
    assert asked(services) == [hashlib.sha256(KEY.encode()).hexdigest()], "asked once, by the hash"


async def test_a_key_allows_what_it_was_made_for(gateway: Gateway, services: ScriptedServices) -> None:
    holds(services, scopes=[Scope.PAYMENTS])
    answer = await _get(gateway)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


async def test_a_key_is_asked_about_again_after_a_while(
    settings: Callable[..., GatewaySettings], services: ScriptedServices
) -> None:
    holds(services)
    async with running(settings(api_key_seconds=0.001)) as gateway:
        assert (await _get(gateway)).status_code == 200
        services.answers[CheckApiKey] = lambda _: refused("invalid_token")
        await asyncio.sleep(0.01)
        assert (await _get(gateway)).status_code == 401


@pytest.mark.parametrize("key", ["llk_unknown", "llk_", "llk_" + "k" * 1000, "llk_ä"])
async def test_an_unknown_key_is_refused(gateway: Gateway, services: ScriptedServices, key: str) -> None:
    holds(services)
    for _ in range(5):
        answer = await gateway.http.get("/v1/wallets", headers={b"Authorization": f"Bearer {key}".encode()})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert len(asked(services)) <= 1


async def test_a_key_is_sent_as_a_bearers(gateway: Gateway, services: ScriptedServices) -> None:
    holds(services)
    assert (await _get(gateway, scheme="DPoP")).status_code == 401


async def test_a_revoked_key_ends_at_once(gateway: Gateway, services: ScriptedServices) -> None:
    holder = holds(services)
    assert (await _get(gateway)).status_code == 200
    reason = RevocationReason.KEY_REVOKED
    await services.say(AccessRevoked(grants=[holder.key], reason=reason, revoked_at=datetime.now(UTC)))
    await until(lambda: gateway.parts.revocations.known == 1)
    assert (await _get(gateway)).status_code == 401
    assert len(asked(services)) == 1


async def test_a_key_has_what_its_owner_has_now(gateway: Gateway, services: ScriptedServices) -> None:
    """The role of the owner changed: the key holds on, with what is left of its scopes."""
    holder = holds(services)
    assert (await _get(gateway)).status_code == 200
    await services.say(
        AccessRevoked(
            user_id=holder.user, version=2, reason=RevocationReason.ROLE_CHANGED, revoked_at=datetime.now(UTC)
        )
    )
    await until(lambda: gateway.parts.revocations.known == 1)
    assert (await _get(gateway)).status_code == 401, "identity still answers with the authority of before"
    holds(services, user=holder.user, key=holder.key, version=2, scopes=[Scope.PAYMENTS])
    answer = await _get(gateway)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


async def test_an_expired_key_says_so(gateway: Gateway, services: ScriptedServices) -> None:
    holds(services, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    answer = await _get(gateway)
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]


async def test_without_identity_a_key_is_not_called_bad(
    settings: Callable[..., GatewaySettings], services: ScriptedServices
) -> None:
    async with running(settings(query_seconds=0.1)) as gateway:
        services.answers.pop(CheckApiKey, None)
        answer = await _get(gateway)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        services.answers[CheckApiKey] = lambda _: completed({"key": "mine"})
        assert (await _get(gateway)).status_code == 503
        holds(services)
        assert (await _get(gateway)).status_code == 200


async def test_many_at_once_ask_once(gateway: Gateway, services: ScriptedServices) -> None:
    holds(services)
    answers = await asyncio.gather(*(_get(gateway) for _ in range(30)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(asked(services)) == 1


class _Slow:
    """Identity, of which no answer comes until it is let."""

    def __init__(self, holder: KeyHolder) -> None:
        self.answers = asyncio.Event()
        self.asked = 0
        self._holder = holder

    async def ask(self, *_: Any) -> dict[str, Any]:
        self.asked += 1
        await self.answers.wait()
        return self._holder.model_dump(mode="json")


def _slow() -> _Slow:
    return _Slow(KeyHolder(key=new_id(), user=new_id(), role=Role.MERCHANT, scopes=[Scope.PAYMENTS], version=1))


def _of(identity: Any, most: int = 100) -> ApiKeys:
    return ApiKeys(identity, 60.0, most)


async def test_a_flood_of_keys_does_not_become_a_flood_of_questions() -> None:
    identity = _slow()
    keys = _of(identity)
    flood = [asyncio.create_task(keys.caller(f"llk_{number}")) for number in range(500)]
    await until(lambda: sum(task.done() for task in flood) >= 436)
    problems = [task.exception() for task in flood if task.done()]
    assert {problem.code for problem in problems if isinstance(problem, ProblemError)} == {"overloaded"}
    assert identity.asked == 64
    identity.answers.set()
    await asyncio.gather(*flood, return_exceptions=True)


async def test_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    identity = _slow()
    keys = _of(identity)
    first, second = asyncio.create_task(keys.caller(KEY)), asyncio.create_task(keys.caller(KEY))
    await until(lambda: identity.asked == 1)
    first.cancel()
    identity.answers.set()
    assert (await second).scopes == {Scope.PAYMENTS}
    assert identity.asked == 1


async def test_what_is_kept_is_bounded() -> None:
    identity = _slow()
    identity.answers.set()
    keys = _of(identity, most=3)
    for number in range(10):
        await keys.caller(f"llk_{number}")
    assert len(keys._known) == 3


async def test_a_key_is_no_authentication(gateway: Gateway, services: ScriptedServices) -> None:
    """Who has it was not seen to be anybody: what is sensitive is for a person (RFC 9470)."""
    holds(services, scopes=list(Scope))
    answer = await gateway.http.post("/v1/signing_keys", headers={"Authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "insufficient_user_authentication")


ONE_A_DAY = """
[policies.anonymous]
per = "anonymous"
quota = 1
window = 86400

[policies.user]
per = "user"
quota = 5
window = 86400

[[classes]]
name = "all"
policies = ["anonymous", "user"]
"""


@pytest.fixture
def guessing(settings: Callable[..., GatewaySettings], tmp_path: Path) -> GatewaySettings:
    """Settings by which an address may try one key."""
    path = tmp_path / "limits.toml"
    path.write_text(ONE_A_DAY)
    return settings(rate_limits=path)


async def test_identity_is_asked_about_no_more_keys_than_strangers_may_send(
    guessing: GatewaySettings, services: ScriptedServices
) -> None:
    holds(services)
    async with running(guessing) as gateway:
        answers = [await _get(gateway, f"llk_guess{n}") for n in range(4)]
    assert [answer.status_code for answer in answers] == [401, 429, 429, 429]
    assert len(asked(services)) == 1


async def test_a_key_that_holds_is_limited_as_its_owner_is(
    guessing: GatewaySettings, services: ScriptedServices
) -> None:
    holds(services)
    async with running(guessing) as gateway:
        answers = [await _get(gateway) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[0].headers["RateLimit-Policy"] == '"user";q=5;w=86400'
