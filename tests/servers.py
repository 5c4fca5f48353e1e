"""The real servers as fixtures for every room's tests: PostgreSQL, NATS and Valkey are never mocked.

PostgreSQL and Valkey start once per session, a service's migrations run once into a template, and each test takes a
fresh database made from it; NATS starts fresh for each test. LEDGERLINK_TEST_BACKEND=docker takes containers instead
of the wheels' servers.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Protocol

import nats
import pytest
import redis
from nats.aio.client import Client

from contracts.topology import PROVISIONER, inbox_prefix
from ops.stack.nats import Nats
from ops.stack.ports import free_port
from ops.stack.postgres import Postgres
from ops.stack.secrets import Secrets
from ops.stack.valkey import Valkey
from outbox.provision import provision
from tests.fresh_databases import Cluster, FreshDatabase, FreshDatabaseFactory
from tests.server_directory import server_directory

CONNECT_DEADLINE = 5


class Server(Protocol):
    """A server process or container."""

    async def start(self) -> None:
        """Start it and wait until it answers."""

    async def stop(self) -> None:
        """Stop it in order."""

    async def kill(self) -> None:
        """Kill -9 it."""

    async def close(self) -> None:
        """Stop it and free what it holds."""


class NatsServer:
    """One test's own NATS server, with every user and exactly their permissions; it runs at first."""

    def __init__(self, nats: Nats, secrets: Secrets, server: Server) -> None:
        self.url = nats.url
        self.monitoring_port = nats.monitoring_port
        self.seeds = {user: seed.get_secret_value() for user, seed in secrets.nats_seeds.items()}
        self.jetstream = nats.jetstream
        self._server = server

    async def start(self) -> None:
        """Start it again, on the same port."""
        await self._server.start()

    async def stop(self) -> None:
        """Stop it in order."""
        await self._server.stop()

    async def kill(self) -> None:
        """Kill -9 it."""
        await self._server.kill()

    async def wipe(self) -> None:
        """Stop it, delete all that it stored, and start it: it knows no stream any more."""
        await self._server.stop()
        shutil.rmtree(self.jetstream)
        await self._server.start()

    async def connect(self, user: str) -> Client:
        """Connect as a user of the topology; the caller closes the connection."""
        return await nats.connect(
            self.url,
            name=f"test-{user}",
            nkeys_seed_str=self.seeds[user],
            inbox_prefix=inbox_prefix(user).encode(),
            connect_timeout=CONNECT_DEADLINE,
            error_cb=_unheard,
        )

    async def provision(self) -> None:
        """Make all streams and durables, as `ledgerlink provision` does."""
        connection = await self.connect(PROVISIONER)
        try:
            await provision(connection)
        finally:
            await connection.close()


async def _unheard(_error: Exception) -> None:
    """Ignore what nats-py only reports: a test looks at what its own calls raise."""


@pytest.fixture(scope="session")
def _backend() -> ModuleType:
    name = os.environ.get("LEDGERLINK_TEST_BACKEND", "embedded")
    if name == "docker":
        from tests import docker_servers

        return docker_servers
    if name == "embedded":
        from tests import embedded_servers

        return embedded_servers
    raise pytest.UsageError(f"LEDGERLINK_TEST_BACKEND is embedded or docker, not {name}")


def pytest_configure() -> None:
    """Let risk decide itself however slow the machine is; what it answers at its deadline has tests of its own."""
    os.environ.setdefault("RISK_ANSWER_SECONDS", "60")


@pytest.fixture(scope="session")
def _server_secrets() -> Secrets:
    return Secrets().complete()


@pytest.fixture(scope="session")
def _servers_directory() -> Iterator[Path]:
    with server_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def _cluster(_backend: ModuleType, _server_secrets: Secrets, _servers_directory: Path) -> Iterator[Cluster]:
    postgres = Postgres(_servers_directory / "postgres", free_port(), _server_secrets, durable=False)
    server: Server = _backend.postgres_server(postgres)
    with asyncio.Runner() as runner:
        runner.run(server.start())
    yield Cluster(postgres)
    with asyncio.Runner() as runner:
        runner.run(server.close())


@pytest.fixture(scope="session")
def _valkey(_backend: ModuleType, _server_secrets: Secrets, _servers_directory: Path) -> Iterator[Valkey]:
    valkey = Valkey(_servers_directory / "valkey", free_port(), _server_secrets.valkey_password)
    server: Server = _backend.valkey_server(valkey)
    with asyncio.Runner() as runner:
        runner.run(server.start())
    yield valkey
    with asyncio.Runner() as runner:
        runner.run(server.close())


@pytest.fixture
def valkey_url(_valkey: Valkey) -> str:
    """The URL of the session's Valkey, emptied before each test."""
    with redis.Redis.from_url(_valkey.url) as client:
        client.flushall()
    return _valkey.url


@pytest.fixture
async def fresh_database(_cluster: Cluster) -> AsyncIterator[FreshDatabaseFactory]:
    """A factory: `await fresh_database("wallet")` makes a migrated database, dropped after the test."""
    made: list[FreshDatabase] = []

    async def make(service: str, *, migrated: bool = True) -> FreshDatabase:
        made.append(await _cluster.fresh(service, migrated=migrated))
        return made[-1]

    yield make
    for database in made:
        await _cluster.drop(database.name)


@pytest.fixture
async def nats_server(
    _backend: ModuleType, _server_secrets: Secrets, _servers_directory: Path
) -> AsyncIterator[NatsServer]:
    """A NATS server of this test alone, running, with no stream yet (see `NatsServer.provision`)."""
    directory = Path(tempfile.mkdtemp(prefix="nats-", dir=_servers_directory))
    keys = {user: _server_secrets.nats_public_key(user) for user in _server_secrets.nats_seeds}
    taken = free_port()
    nats_ = Nats(directory / "nats", taken, free_port({taken}), keys)
    server: Server = _backend.nats_server(nats_)
    await server.start()
    yield NatsServer(nats_, _server_secrets, server)
    await server.close()
    shutil.rmtree(directory, ignore_errors=True)
