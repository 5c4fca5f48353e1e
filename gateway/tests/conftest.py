"""A gateway under test: the real application on real NATS and Valkey, with scripted services behind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from contracts.ids import new_id
from gateway.app import create_app
from gateway.main import configuration
from gateway.parts import Parts
from gateway.settings import GatewaySettings
from gateway.tests.scripted_services import ScriptedServices, until
from ops.stack.ports import free_port
from tests.servers import NatsServer
from tests.unconnected_gateway import unconnected_gateway

PLENTY = Path(__file__).with_name("plenty.toml")


@pytest.fixture
def settings(nats_server: NatsServer, valkey_url: str) -> Callable[..., GatewaySettings]:
    """A factory of settings, with a rate limit that is in nobody's way."""

    def make(**changes: Any) -> GatewaySettings:
        known: dict[str, Any] = {
            "nats_url": nats_server.url,
            "nats_seed": SecretStr(nats_server.seeds["gateway"]),
            "redis_url": SecretStr(valkey_url),
            "pseudonym_key": SecretStr("0" * 32),
            "wait_seconds": 3.0,
            "query_seconds": 1.0,
            "access_log": False,
            "rate_limits": PLENTY,
        }
        return GatewaySettings(**(known | changes))

    return make


@dataclass
class Gateway:
    """The application, and a client of it."""

    app: FastAPI
    http: httpx.AsyncClient

    @property
    def parts(self) -> Parts:
        parts: Parts = self.app.state.parts
        return parts


def _can_check_tokens(parts: Parts) -> bool:
    return parts.broker.is_ready and parts.keys.are_known and not parts.revocations.is_stale


@asynccontextmanager
async def running(settings: GatewaySettings, *, ready: bool = True) -> AsyncIterator[Gateway]:
    """Run the application's life cycle in a task of its own, as a server does."""
    app = create_app(settings)
    started, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.router.lifespan_context(app):
            started.set()
            await stop.wait()

    life = asyncio.create_task(live())
    await started.wait()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=30) as http:
            gateway = Gateway(app, http)
            if ready:
                await until(lambda: _can_check_tokens(gateway.parts))
            yield gateway
    finally:
        stop.set()
        await life


@asynccontextmanager
async def served(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the application over a socket, as in production; its life cycle runs already."""
    port = free_port()
    config = configuration(gateway.app, gateway.parts.settings.model_copy(update={"http_port": port}))
    config.lifespan = "off"
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
        yield http
    server.should_exit = True
    await serving


@pytest.fixture
async def services(nats_server: NatsServer) -> AsyncIterator[ScriptedServices]:
    """Wallet, payments, risk and identity by script."""
    await nats_server.provision()
    services = ScriptedServices()
    await services.start(nats_server)
    yield services
    await services.stop()


@pytest.fixture
async def gateway(services: ScriptedServices, settings: Callable[..., GatewaySettings]) -> AsyncIterator[Gateway]:  # noqa: ARG001
    """A gateway that is ready to serve."""
    async with running(settings()) as gateway:
        yield gateway


@pytest.fixture
def user() -> UUID:
    """A customer."""
    return new_id()


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """An application that is never connected."""
    return unconnected_gateway()


@pytest.fixture(scope="session")
def document(app: FastAPI) -> dict[str, Any]:
    """Its OpenAPI document."""
    return app.openapi()
