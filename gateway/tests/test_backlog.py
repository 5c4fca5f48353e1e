"""A service that has stopped: commands pile up to the bound and are then refused at once, until it has caught up."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.ids import new_id
from contracts.payments import CreatePaymentIntent
from contracts.topology import PROVISIONER, durable
from contracts.wallet import ListAccounts, VoidHold
from gateway.settings import GatewaySettings
from gateway.tests.conftest import Gateway, running
from gateway.tests.scripted_services import ScriptedServices, completed, intent_of
from tests.servers import NatsServer
from tests.waiting import eventually

PAYMENTS, LEDGER = durable("payments-commands"), durable("wallet-ledger")
MOST = 20


@pytest.fixture
def body(services: ScriptedServices, user: UUID) -> dict[str, Any]:
    mine, theirs = str(services.wallet(user)), str(services.wallet(new_id()))
    return {"source_wallet": mine, "destination_wallet": theirs, "amount": 1250, "currency": "EUR"}


async def _pay(gateway: Gateway, headers: dict[str, str], body: dict[str, Any]) -> httpx.Response:
    headers = headers | {"Idempotency-Key": str(new_id()), "Prefer": "wait=1"}
    return await gateway.http.post("/v1/payment_intents", json=body, headers=headers)


async def _metric(gateway: Gateway, name: str) -> str | None:
    metrics = (await gateway.http.get("/metrics")).text
    return next((line.split()[-1] for line in metrics.splitlines() if line.startswith(name)), None)


async def test_a_service_that_stopped_is_not_sent_commands_without_end(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, user: UUID, body: dict[str, Any]
) -> None:
    services.scripts[CreatePaymentIntent] = lambda c: [completed(intent_of(c))]
    services.answers[ListAccounts] = lambda _: completed({"accounts": []})
    headers = services.signer.bearer(user)
    async with running(settings(most_backlog=MOST)) as gateway:
        assert (await _pay(gateway, headers, body)).status_code == 201
        await services.stop_consuming(PAYMENTS)

        async def refused_at_once() -> httpx.Response | None:
            answers = await asyncio.gather(*(_pay(gateway, headers, body) for _ in range(10)))
            assert {a.json()["code"] for a in answers} <= {"outcome_unknown", "overloaded"}
            return next((a for a in answers if a.json()["code"] == "overloaded"), None)

        answer = await eventually("commands are refused", refused_at_once, deadline=60)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["detail"].startswith("The payments service is behind")
        waiting = await _metric(gateway, 'ledgerlink_command_backlog{durable="payments-commands"}')
        assert waiting is not None
        assert float(waiting) > MOST
        assert await _metric(gateway, 'ledgerlink_command_backlog{durable="wallet-ledger"}') == "0.0"
        assert (await gateway.http.get("/v1/wallets", headers=headers)).status_code == 200

        services.consume(PAYMENTS)

        async def taken_again() -> bool:
            return (await _pay(gateway, headers, body)).status_code == 201

        assert await eventually("commands are taken again", taken_again, deadline=60)


async def test_what_is_not_known_refuses_nothing(
    settings: Callable[..., GatewaySettings], services: ScriptedServices, nats_server: NatsServer
) -> None:
    assert services.accounts == {}
    async with running(settings(most_backlog=1)) as gateway:
        backlog, command = gateway.parts.backlog, VoidHold(operation_id=new_id(), hold_id=new_id())

        async def known() -> bool:
            return backlog._waiting.get(LEDGER.name) == 0

        await eventually("the backlog is known", known)
        provisioner = await nats_server.connect(PROVISIONER)
        await provisioner.jetstream().delete_consumer(LEDGER.stream, LEDGER.name)
        await provisioner.close()

        async def unknown() -> bool:
            return backlog._waiting[LEDGER.name] == -1

        await eventually("the consumer is missed", unknown)
        backlog.admit(command)
        await nats_server.kill()

        async def none_known() -> bool:
            return set(backlog._waiting.values()) == {-1}

        await eventually("NATS is missed", none_known)
        backlog.admit(command)
        assert await _metric(gateway, 'ledgerlink_command_backlog{durable="wallet-ledger"}') == "-1.0"
