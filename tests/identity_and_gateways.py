"""Two replicas of identity and two gateways in the test's own process, on real PostgreSQL, NATS and Valkey."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from apps.identity.main import build
from apps.identity.settings import IdentitySettings
from apps.identity.tests.conftest import SEALING_KEY, TOKEN_KEY
from gateway.settings import GatewaySettings
from gateway.tests.conftest import PLENTY, running
from tests.servers import NatsServer

PASSWORD = "correct horse battery staple"
ADMIN = "admin@ledgerlink.example"


@dataclass
class IdentityAndGateways:
    """Two gateways, and who logs in at them."""

    gateways: tuple[httpx.AsyncClient, httpx.AsyncClient]

    async def log_in(self, email: str) -> dict[str, Any]:
        """Return the tokens of a new session."""
        answer = await self.gateways[0].post("/v1/sessions", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        session: dict[str, Any] = answer.json()
        return session

    async def register(self, email: str) -> dict[str, Any]:
        """Return the tokens of a new user's first session."""
        answer = await self.gateways[0].post("/v1/users", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return await self.log_in(email)


def bearer(session: dict[str, Any]) -> dict[str, str]:
    """Return the header that sends a session's access token."""
    return {"Authorization": f"Bearer {session['access_token']}"}


@asynccontextmanager
async def identity_and_gateways(
    database_url: str, nats: NatsServer, valkey_url: str, **changes: Any
) -> AsyncIterator[IdentityAndGateways]:
    """Run all four until the block ends; `changes` are of identity's settings."""
    known: dict[str, Any] = {
        "database_url": SecretStr(database_url),
        "nats_url": nats.url,
        "nats_seed": SecretStr(nats.seeds["identity"]),
        "http_port": 1,
        "secrets_key": SecretStr(SEALING_KEY),
        "token_key": SecretStr(TOKEN_KEY),
        "operator_email": "operator@ledgerlink.example",
        "operator_password": SecretStr(PASSWORD),
        "admin_email": ADMIN,
        "admin_password": SecretStr(PASSWORD),
        "argon2_memory_kib": 64,
        "argon2_time_cost": 1,
    }
    edge = GatewaySettings(
        nats_url=nats.url,
        nats_seed=SecretStr(nats.seeds["gateway"]),
        redis_url=SecretStr(valkey_url),
        pseudonym_key=SecretStr("0" * 32),
        rate_limits=PLENTY,
        access_log=False,
        query_seconds=30.0,
        login_seconds=30.0,
    )
    await nats.provision()
    async with AsyncExitStack() as stack:
        for _ in range(2):
            service = build(IdentitySettings(**(known | changes)))
            await stack.enter_async_context(service.app().start_lifespan_context())
        first, second = [await stack.enter_async_context(running(edge)) for _ in range(2)]
        yield IdentityAndGateways((first.http, second.http))
