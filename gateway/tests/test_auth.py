"""Access tokens: which are believed, what the others are told, and how seldom anybody is asked."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest

from contracts.identity import GetSigningKeys, SigningKeyPublished
from contracts.ids import new_id
from contracts.message import envelope_of
from contracts.wallet import ListAccounts
from gateway.settings import GatewaySettings
from gateway.signing_keys import SECONDS_PER_ASK, SigningKeys
from gateway.tests.conftest import Gateway, running
from gateway.tests.scripted_services import ScriptedServices, completed, until
from gateway.tests.tokens import Signer


@pytest.fixture(autouse=True)
def _wallets(services: ScriptedServices) -> None:
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})


async def _get(gateway: Gateway, authorization: str | bytes | None) -> httpx.Response:
    headers: Any = {} if authorization is None else {"Authorization": authorization}
    return await gateway.http.get("/v1/wallets", headers=headers)


def _keys_asked_for(services: ScriptedServices) -> int:
    return sum(isinstance(envelope.data, GetSigningKeys) for envelope in services.heard)


async def test_no_token(gateway: Gateway) -> None:
    answer = await _get(gateway, None)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_required")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ledgerlink"'


async def test_a_good_token_is_checked_without_asking_anybody(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    token = services.signer.token(user)
    for _ in range(3):
        assert (await _get(gateway, f"Bearer {token}")).status_code == 200
    assert _keys_asked_for(services) == 1


Forge = Callable[[Signer, UUID], str]
NOW = int(time.time())
BAD: dict[str, Forge] = {
    "of another key under our key's id": lambda s, u: Signer(kid=s.kid).token(u),
    "of an unknown key": lambda _, u: Signer(kid="other").token(u),
    "without a key id": lambda s, u: Signer(key=s.key).token(u, header={"kid": ""}),
    "of another issuer": lambda s, u: s.token(u, iss="https://elsewhere.example"),
    "for another audience": lambda s, u: s.token(u, aud="https://elsewhere.example"),
    "that is no access token": lambda s, u: s.token(u, header={"typ": "JWT"}),
    "without an end": lambda s, u: s.token(u, exp=None),
    "without a role": lambda s, u: s.token(u, role=None),
    "of a role that is none": lambda s, u: s.token(u, role="king"),
    "of no grant": lambda s, u: s.token(u, sid=None),
    "of a grant that is none": lambda s, u: s.token(u, sid="mine"),
    "of no version that counts": lambda s, u: s.token(u, ver="last"),
    "of an authentication that is none": lambda s, u: s.token(u, acr="aal9"),
    "bound to what is no key": lambda s, u: s.token(u, cnf="me"),
    "of a subject that is none": lambda s, u: s.token(u, sub="ann"),
    "unsigned": lambda s, u: jwt.encode({"sub": str(u)}, "", algorithm="none", headers={"kid": s.kid}),
    "signed with the public key as a secret": lambda s, u: jwt.encode(
        {"sub": str(u)}, s.jwk["x"] * 2, algorithm="HS256", headers={"kid": s.kid, "typ": "at+jwt"}
    ),
    "in three words": lambda _s, _u: "a.b.c",
    "far too long": lambda _s, _u: "a" * 8000,
    "nested": lambda _s, _u: "W1tb" * 700 + ".a.b",
}


async def test_bad_tokens(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    for what, forge in BAD.items():
        answer = await _get(gateway, f"Bearer {forge(services.signer, user)}")
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), f"a token {what}"
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_what_is_no_bearer_token(gateway: Gateway) -> None:
    for authorization in ("Basic YTpi", "Bearer", "Bearer ", "", "Bearer ä".encode()):
        answer = await _get(gateway, authorization)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), authorization


async def test_an_expired_token_says_so(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    answer = await _get(gateway, f"Bearer {services.signer.token(user, exp=NOW - 60)}")
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]
    assert "POST /v1/sessions" in answer.json()["detail"]


async def test_a_token_expires_although_it_was_verified_once(
    gateway: Gateway, services: ScriptedServices, user: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = services.signer.token(user)
    assert (await _get(gateway, f"Bearer {token}")).status_code == 200
    later = time.time() + 1000
    monkeypatch.setattr("gateway.auth.time.time", lambda: later)
    assert (await _get(gateway, f"Bearer {token}")).status_code == 401


async def test_the_cache_of_verified_tokens_is_bounded(
    settings: Callable[..., GatewaySettings], services: ScriptedServices
) -> None:
    async with running(settings(token_cache=3)) as gateway:
        for _ in range(10):
            assert (await _get(gateway, f"Bearer {services.signer.token(new_id())}")).status_code == 200
        assert len(gateway.parts.tokens._verified) == 3


async def test_unknown_keys_make_the_gateway_ask_seldom(gateway: Gateway, services: ScriptedServices) -> None:
    begun = time.monotonic()
    for number in range(60):
        await _get(gateway, f"Bearer {Signer(kid=f'made-up-{number}').token(new_id())}")
    assert _keys_asked_for(services) <= 1 + 10 + (time.monotonic() - begun) / SECONDS_PER_ASK


async def test_a_key_is_known_as_soon_as_it_is_published(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    asked = _keys_asked_for(services)
    new = Signer(kid="key-2")
    await services.say(SigningKeyPublished(kid=new.kid, jwk=new.jwk, signs_from=datetime.now(UTC)))
    await until(lambda: new.kid in gateway.parts.keys.ids)
    assert (await _get(gateway, f"Bearer {new.token(user)}")).status_code == 200
    assert _keys_asked_for(services) == asked


async def test_ten_rotations_that_nobody_heard_of_lose_no_request(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    signers = [services.signer]
    services.answers[GetSigningKeys] = lambda _: completed({"keys": [signer.jwk for signer in signers]})
    for number in range(10):
        signers.append(Signer(kid=f"rotated-{number}"))
        assert (await _get(gateway, f"Bearer {signers[-1].token(user)}")).status_code == 200
        assert (await _get(gateway, f"Bearer {signers[-2].token(new_id())}")).status_code == 200


async def test_a_key_that_identity_has_no_more_is_forgotten(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    old, services.signer = services.signer, Signer(kid="key-2")
    assert (await _get(gateway, f"Bearer {services.signer.token(user)}")).status_code == 200
    assert gateway.parts.keys.ids == {"key-2"}
    assert (await _get(gateway, f"Bearer {old.token(user)}")).status_code == 401


async def test_keys_are_looked_at_again_now_and_then(gateway: Gateway, services: ScriptedServices) -> None:
    services.signer = Signer(kid="key-2")
    watching = asyncio.create_task(SigningKeys(gateway.parts.queries, refresh_seconds=0.01).watch())
    await until(lambda: _keys_asked_for(services) >= 4)
    watching.cancel()


async def test_a_key_that_is_said_again_after_its_time_is_not_believed(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    """A relay says all events again when the broker has forgotten them."""
    old, new = Signer(kid="retired"), Signer(kid="key-2")
    for signer, age in ((old, timedelta(days=90)), (new, timedelta(0))):
        await services.say(SigningKeyPublished(kid=signer.kid, jwk=signer.jwk, signs_from=datetime.now(UTC) - age))
    await until(lambda: new.kid in gateway.parts.keys.ids)
    assert (await _get(gateway, f"Bearer {old.token(user)}")).status_code == 401


async def test_no_more_keys_are_heard_of_than_are_kept(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.signing_keys._MOST_KEYS", 2)
    keys, said = SigningKeys(gateway.parts.queries), envelope_of(SigningKeyPublished)
    for kid in ("first", "second", "one-too-many"):
        now = datetime.now(UTC)
        published = SigningKeyPublished(kid=kid, jwk=Signer(kid=kid).jwk, signs_from=now)
        event = said(
            id=new_id(),
            source="/test",
            type=SigningKeyPublished.contract.type,
            time=now,
            correlationid="test",
            data=published,
        )
        message: Any = SimpleNamespace(data=event.encode())
        await keys.hear(message)
    assert keys.ids == {"first", "second"}


@pytest.mark.parametrize("jwk", [{}, {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}, {"kty": "OKP", "crv": "X448"}])
async def test_what_is_no_signing_key_is_not_believed(
    gateway: Gateway, services: ScriptedServices, jwk: dict[str, str]
) -> None:
    await services.say(SigningKeyPublished(kid="bad", jwk=jwk, signs_from=datetime.now(UTC)))
    good = Signer(kid="key-2")
    await services.say(SigningKeyPublished(kid=good.kid, jwk=good.jwk, signs_from=datetime.now(UTC)))
    await until(lambda: good.kid in gateway.parts.keys.ids)
    assert "bad" not in gateway.parts.keys.ids


async def test_a_token_that_holds_for_too_long_is_refused(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    """It would outlive what this gateway remembers of revocations."""
    assert (await _get(gateway, f"Bearer {services.signer.token(user, iat=NOW, exp=NOW + 3600)}")).status_code == 200
    assert (await _get(gateway, f"Bearer {services.signer.token(user, iat=NOW, exp=NOW + 3601)}")).status_code == 401


async def test_without_identity_a_token_is_not_called_bad(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID
) -> None:
    del services.answers[GetSigningKeys]
    async with running(settings(query_seconds=0.1), ready=False) as gateway:
        answer = await _get(gateway, f"Bearer {services.signer.token(user)}")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert (await gateway.http.get("/readyz")).status_code == 503


async def test_many_who_wait_for_the_keys_wait_no_longer_than_one(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID
) -> None:
    del services.answers[GetSigningKeys]
    async with running(settings(query_seconds=1), ready=False) as gateway:
        token = f"Bearer {services.signer.token(user)}"
        await _get(gateway, token)  # it is connected
        begun = time.monotonic()
        answers = await asyncio.gather(*(_get(gateway, token) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {503}
        assert time.monotonic() - begun < 10
