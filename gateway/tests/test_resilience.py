"""Without NATS, and with a NATS that comes back having forgotten everything: an answer in time, and no lost command."""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.ids import new_id
from contracts.payments import CreatePaymentIntent
from contracts.wallet import GetAccounts, ListEntries
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running
from gateway.tests.scripted_services import ScriptedServices, completed, intent_of, until
from tests.servers import NatsServer


@pytest.fixture
def body(services: ScriptedServices, user: UUID) -> dict[str, Any]:
    mine, theirs = str(services.wallet(user)), str(services.wallet(new_id()))
    return {"source_wallet": mine, "destination_wallet": theirs, "amount": 1250, "currency": "EUR", "confirm": True}


@pytest.fixture
def headers(services: ScriptedServices, user: UUID) -> dict[str, str]:
    return services.signer.bearer(user) | {"Idempotency-Key": "key-1"}


async def _pay(gateway: Gateway, body: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
    return await gateway.http.post("/v1/payment_intents", json=body, headers=headers)


async def _warm(gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]) -> None:
    """Make one payment, so that token and wallets are known."""
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c))]
    assert (await _pay(gateway, body, headers)).status_code == 201


async def test_without_nats_the_answer_is_unknown_within_the_wait(
    settings: Callable[..., GatewaySettings],
    services: ScriptedServices,
    nats_server: NatsServer,
    body: dict[str, Any],
    headers: dict[str, str],
) -> None:
    async with running(settings(wait_seconds=20)) as gateway:
        await _warm(gateway, services, body, headers)
        await nats_server.kill()
        started = time.monotonic()
        answer = await _pay(gateway, body, headers | {"Prefer": "wait=1"})
        assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
        assert time.monotonic() - started < 15
        read = await gateway.http.get("/v1/wallets", headers=headers)
        assert (read.status_code, read.json()["code"]) == (503, "unavailable")
        assert (await gateway.http.get("/readyz")).status_code == 503
        assert (await gateway.http.get("/healthz")).status_code == 200


async def test_a_payment_outlives_a_restart_of_nats(
    gateway: Gateway, services: ScriptedServices, nats_server: NatsServer, body: dict[str, Any], headers: dict[str, str]
) -> None:
    await _warm(gateway, services, body, headers)
    await nats_server.kill()
    paying = asyncio.create_task(_pay(gateway, body, headers | {"Prefer": "wait=20"}))
    await asyncio.sleep(0.3)
    await nats_server.start()
    assert (await paying).status_code == 201


async def test_a_command_that_the_broker_forgot_is_sent_again_under_the_same_id(
    gateway: Gateway, services: ScriptedServices, nats_server: NatsServer, body: dict[str, Any], headers: dict[str, str]
) -> None:
    await _warm(gateway, services, body, headers)
    services.scripts[CreatePaymentIntent] = lambda _: []
    paying = asyncio.create_task(_pay(gateway, body, headers | {"Prefer": "wait=20"}))
    await until(lambda: len(services.commands(CreatePaymentIntent)) == 2)
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c))]
    await nats_server.wipe()
    await nats_server.provision()
    assert (await paying).status_code == 201
    _, lost, again = services.commands(CreatePaymentIntent)
    assert lost.id == again.id
    assert lost.data == again.data


async def test_a_missing_stream_is_waited_for(
    settings: Callable[..., GatewaySettings],
    nats_server: NatsServer,
    services: ScriptedServices,
    body: dict[str, Any],
    headers: dict[str, str],
) -> None:
    async with running(settings()) as gateway:
        await _warm(gateway, services, body, headers)
        await nats_server.wipe()
        await until(lambda: gateway.parts.broker.is_ready)
        paying = asyncio.create_task(_pay(gateway, body, headers | {"Prefer": "wait=20"}))
        await asyncio.sleep(0.3)
        await nats_server.provision()
        assert (await paying).status_code == 201


async def test_the_gateway_starts_before_nats(
    settings: Callable[..., GatewaySettings], nats_server: NatsServer, services: ScriptedServices, user: UUID
) -> None:
    await nats_server.kill()
    async with running(settings(), ready=False) as gateway:
        assert (await gateway.http.get("/healthz")).status_code == 200
        assert (await gateway.http.get("/readyz")).status_code == 503
        answer = await gateway.http.get("/v1/wallets", headers=services.signer.bearer(user))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        await nats_server.start()
        await until(lambda: gateway.parts.broker.is_ready and gateway.parts.keys.are_known, seconds=15)
        assert (await gateway.http.get("/readyz")).status_code == 200


async def test_no_more_in_flight_than_bounded(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [0.3, completed(intent_of(c))]
    async with running(settings(max_in_flight=5)) as gateway:
        answers = await asyncio.gather(
            *(_pay(gateway, body, headers | {"Idempotency-Key": f"k{n}"}) for n in range(20))
        )
        assert sorted({a.status_code for a in answers}) == [201, 503]
        assert sum(a.status_code == 201 for a in answers) == 5
        refused = next(a for a in answers if a.status_code == 503)
        assert (refused.json()["code"], refused.headers["Retry-After"]) == ("overloaded", "1")
        assert (await _pay(gateway, body, headers)).status_code == 201


async def test_a_service_that_does_not_answer_is_503_in_time(
    gateway: Gateway, services: ScriptedServices, body: dict[str, Any], headers: dict[str, str]
) -> None:
    del services.answers[GetAccounts]
    started = time.monotonic()
    answer = await _pay(gateway, body, headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "wallet service" in answer.json()["detail"]
    assert time.monotonic() - started < 8


async def test_the_cache_of_wallets_is_bounded(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID
) -> None:
    services.answers[ListEntries] = lambda _: completed({"entries": []})
    async with running(settings(account_cache=3)) as gateway:
        for _ in range(6):
            wallet = services.wallet(user)
            await gateway.http.get(f"/v1/wallets/{wallet}/entries", headers=services.signer.bearer(user))
        assert len(gateway.parts.wallets._known) == 3
