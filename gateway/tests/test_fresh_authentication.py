"""Step-up (RFC 9470): what is sensitive is for who has authenticated lately, and surely enough."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from contracts.identity import GRANTED, Acr, Role, RotateSigningKey
from contracts.ids import new_id
from contracts.message import Problem
from contracts.payments import CreatePaymentIntent
from contracts.risk import AUTHENTICATION_REQUIRED
from gateway.app import _ROUTERS
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running
from gateway.tests.openapi_document import operations
from gateway.tests.proofs import ProofKey
from gateway.tests.scripted_services import ScriptedServices, completed, intent_of

PATH = "/v1/signing_keys"
KEY = {"kid": "next", "created_at": "2026-01-05T09:30:00Z", "signs_from": "2026-01-05T09:30:10Z"}


@pytest.fixture(autouse=True)
def _rotating(services: ScriptedServices) -> None:
    services.answers[RotateSigningKey] = lambda _: completed(KEY)


@pytest.fixture
async def strict_gateway(settings: Callable[..., GatewaySettings]) -> AsyncIterator[Gateway]:
    """A gateway that wants admins to have a second factor."""
    async with running(settings(admin_acr="aal2", fresh_seconds=600)) as gateway:
        yield gateway


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


async def _rotate(gateway: Gateway, services: ScriptedServices, user: UUID, **claims: Any) -> httpx.Response:
    token = {"role": "admin", "scope": " ".join(GRANTED[Role.ADMIN])} | claims
    return await gateway.http.post(PATH, headers=services.signer.bearer(user, **token))


async def test_who_authenticated_lately_passes(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    for seconds in (0, 600):
        assert (await _rotate(gateway, services, user, auth_time=ago(seconds))).status_code == 201


async def test_who_did_long_ago_is_challenged(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    answer = await _rotate(gateway, services, user, auth_time=ago(901))
    assert (answer.status_code, answer.json()["code"]) == (401, "insufficient_user_authentication")
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="ledgerlink", error="insufficient_user_authentication"')
    assert 'max_age="900"' in challenge
    assert "acr_values" not in challenge
    assert "/v1/sessions/step_up" in answer.json()["detail"]


async def test_a_client_of_its_own_is_nobody_who_could(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    answer = await _rotate(gateway, services, user, acr=None, auth_time=None, ver=None)
    assert (answer.status_code, answer.json()["code"]) == (401, "insufficient_user_authentication")


async def test_a_second_factor_may_be_demanded_of_admins(
    strict_gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    answer = await _rotate(strict_gateway, services, user, acr=Acr.ONE_FACTOR.value)
    assert (answer.status_code, answer.json()["code"]) == (401, "insufficient_user_authentication")
    assert 'max_age="600", acr_values="aal2"' in answer.headers["WWW-Authenticate"]
    assert (await _rotate(strict_gateway, services, user, acr=Acr.TWO_FACTORS.value)).status_code == 201
    late = await _rotate(strict_gateway, services, user, acr=Acr.TWO_FACTORS.value, auth_time=ago(601))
    assert late.status_code == 401


async def test_who_may_not_at_all_is_told_that_first(gateway: Gateway, services: ScriptedServices, user: UUID) -> None:
    answer = await _rotate(gateway, services, user, scope="profile", auth_time=ago(5000))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert (await gateway.http.post(PATH)).json()["code"] == "token_required"


async def test_the_challenge_is_in_the_scheme_of_the_token(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    key = ProofKey()
    scope = " ".join(GRANTED[Role.ADMIN])
    token = services.signer.token(user, role="admin", scope=scope, auth_time=ago(5000), cnf={"jkt": key.jkt})
    headers = {"Authorization": f"DPoP {token}", "DPoP": key.proof(PATH, "POST", token)}
    answer = await gateway.http.post(PATH, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "insufficient_user_authentication")
    assert answer.headers["WWW-Authenticate"].startswith("DPoP ")


async def test_a_payment_for_which_risk_wants_that_is_challenged_and_embedded(
    gateway: Gateway, services: ScriptedServices, user: UUID
) -> None:
    problem = Problem(code=AUTHENTICATION_REQUIRED, detail="Log in again to make this payment.")
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c, "requires_confirmation"), problem)]
    mine, theirs = services.wallet(user), services.wallet(new_id())
    body = {"source_wallet": str(mine), "destination_wallet": str(theirs), "amount": 900_000, "currency": "EUR"}
    headers = services.signer.bearer(user) | {"Idempotency-Key": "key-1"}
    answer = await gateway.http.post("/v1/payment_intents", json=body | {"confirm": True}, headers=headers)
    document = answer.json()
    assert (answer.status_code, document["code"]) == (401, "insufficient_user_authentication")
    assert (document["detail"], document["payment_intent"]["status"]) == (problem.detail, "requires_confirmation")
    assert 'error="insufficient_user_authentication"' in answer.headers["WWW-Authenticate"]


def _demanding() -> Iterator[str]:
    """Name the operations that ask for a fresh authentication."""

    def asks(dependant: Dependant) -> bool:
        called = getattr(dependant.call, "__module__", "") == "gateway.step_up"
        return called or any(asks(inner) for inner in dependant.dependencies)

    for module in _ROUTERS:
        for route in module.router.routes:
            if isinstance(route, APIRoute) and asks(route.dependant):
                yield from (f"{method.lower()} {route.path}" for method in route.methods or ())


PAYING = {"post /v1/payment_intents", "post /v1/payment_intents/{payment_intent_id}/confirm"}


def test_what_asks_for_it_says_so(document: dict[str, Any]) -> None:
    documented = {
        name
        for name, operation in operations(document)
        for content in operation["responses"].get("401", {}).get("content", {}).values()
        if "insufficient_user_authentication" in content["examples"]
    }
    demanding = set(_demanding())
    assert documented - PAYING == demanding
    assert {"post /v1/signing_keys", "post /v1/api_keys", "post /v1/users/{user_id}/role"} <= demanding
