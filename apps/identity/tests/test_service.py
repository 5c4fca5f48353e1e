"""The whole service as a process runs it, asked over a real NATS under the gateway's own user."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson
import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.js.errors import NotFoundError
from pydantic import SecretStr

from apps.identity.main import build
from apps.identity.settings import IdentitySettings
from apps.identity.tests.asking import PASSWORD, keys_request, login_request, register_request
from apps.identity.tests.conftest import SEALING_KEY, TOKEN_KEY
from contracts.message import Envelope, Message, Outcome, Reply, decode
from outbox.service import Service
from tests.fresh_databases import FreshDatabaseFactory
from tests.servers import NatsServer

OPERATOR = "operator@ledgerlink.example"


@pytest.fixture
async def service(fresh_database: FreshDatabaseFactory, nats_server: NatsServer) -> Service:
    settings = IdentitySettings(
        database_url=SecretStr((await fresh_database("identity")).url),
        nats_url=nats_server.url,
        nats_seed=SecretStr(nats_server.seeds["identity"]),
        http_port=1,
        secrets_key=SecretStr(SEALING_KEY),
        token_key=SecretStr(TOKEN_KEY),
        operator_email=OPERATOR,
        operator_password=SecretStr(PASSWORD),
        admin_email="admin@ledgerlink.example",
        admin_password=SecretStr(PASSWORD),
        argon2_memory_kib=64,
        argon2_time_cost=1,
    )
    await nats_server.provision()
    return build(settings)


@asynccontextmanager
async def _running(service: Service) -> AsyncIterator[None]:
    """Run the service in the test's own task: its life cycle is a cancel scope, which no fixture can hold open."""
    async with service.app().start_lifespan_context():
        yield


async def _ask(nc: Client, query: Envelope[Message]) -> Reply:
    async with asyncio.timeout(5):
        while True:
            try:
                answer = await nc.request(query.data.contract.subject, query.encode(), timeout=5)
                break
            except NoRespondersError:  # the life cycle's start does not wait for the subscriptions
                await asyncio.sleep(0.02)
    envelope = decode(answer.data, Reply)
    assert envelope.causationid == query.id
    return envelope.data


async def test_register_then_log_in_over_nats(service: Service, nats_server: NatsServer) -> None:
    nc = await nats_server.connect("gateway")
    async with _running(service):
        registered = await _ask(nc, register_request())
        assert registered.outcome is Outcome.COMPLETED
        assert registered.resource["email"] == "ann@ledgerlink.example"
        token = await _ask(nc, login_request())
        assert token.resource["token_type"] == "Bearer"
        assert "wallets:fund" in (await _ask(nc, login_request(OPERATOR))).resource["scope"].split()
        assert (await _ask(nc, keys_request())).resource["keys"][0]["kid"]
        refused = await _ask(nc, login_request(password="wrong password"))
        assert refused.problem is not None
        assert refused.problem.code == "invalid_credentials"
    await nc.close()


async def test_no_stream_and_no_log_sees_a_password_or_token(
    service: Service, nats_server: NatsServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway, provisioner = await nats_server.connect("gateway"), await nats_server.connect("provisioner")
    async with _running(service):
        await _ask(gateway, register_request())
        token = (await _ask(gateway, login_request())).resource["access_token"]
        await _registered_event_is_stored(provisioner)
    for info in await provisioner.jetstream().streams_info():
        for sequence in range(1, info.state.last_seq + 1):
            stored = await provisioner.jetstream().get_msg(info.config.name or "", sequence)
            assert PASSWORD.encode() not in (stored.data or b"")
    captured = capsys.readouterr()
    for text in (caplog.text, captured.out, captured.err):
        assert PASSWORD not in text
        assert token not in text
    await gateway.close()
    await provisioner.close()


async def _registered_event_is_stored(nc: Client) -> None:
    async with asyncio.timeout(60):
        while True:
            with suppress(NotFoundError):
                stored = await nc.jetstream().get_last_msg("IDENTITY_EVENTS", "identity.events.user.registered")
                if orjson.loads(stored.data or b"")["data"]["role"] == "customer":
                    return
            await asyncio.sleep(0.05)
