"""The same servers as containers (LEDGERLINK_TEST_BACKEND=docker): same versions, same users, same configuration."""

import asyncio
import json
import os
import time

from testcontainers.core.container import DockerContainer

from ops.stack.component import Component
from ops.stack.keeper import probed
from ops.stack.nats import Nats, configuration
from ops.stack.ports import HOST
from ops.stack.postgres import FAST_AND_FORGETFUL, TEXT, Postgres
from ops.stack.valkey import MEMORY, Valkey

START_DEADLINE = 120.0  # a first run pulls the image
PROBE_EVERY = 0.05
STOP_DEADLINE = 10
LOG_LINES = 20
MOUNTED, CONFIG = "/ledgerlink", "container.conf"
IN_CONTAINER = "0.0.0.0"  # noqa: S104  # Docker maps it to the loopback interface of the host only


class DockerServer:
    """One server as a container, on a host port of its own that it keeps over stops and starts."""

    def __init__(self, container: DockerContainer, ports: dict[int, int], component: Component) -> None:
        """Map `ports` (in the container -> on the host); the component is probed, and set up, from outside."""
        for inside, outside in ports.items():
            # docker-py takes (address, port), which testcontainers' annotation does not know.
            container.ports[f"{inside}/tcp"] = (HOST, outside)  # type: ignore[assignment]
        self._container = container
        self._component = component
        self._created = False

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises AssertionError with the end of its log; the container is deleted then, as nobody else would.
        """
        try:
            await self._run()
            await self._healthy()
            await self._component.once_healthy()
        except BaseException:
            await self.close()
            raise

    async def _run(self) -> None:
        if self._created:
            await asyncio.to_thread(self._container.get_wrapped_container().start)
        else:
            self._created = True  # even if its start fails there may be a container to delete
            await asyncio.to_thread(self._container.start)

    async def _healthy(self) -> None:
        end = time.monotonic() + START_DEADLINE
        while reason := await probed(self._component):
            assert await asyncio.to_thread(self._runs), f"{self._component.name} ended: {self._log()}"
            assert time.monotonic() < end, f"{self._component.name}: {reason}; {self._log()}"
            await asyncio.sleep(PROBE_EVERY)

    def _runs(self) -> bool:
        container = self._container.get_wrapped_container()
        container.reload()
        return str(container.status) == "running"

    def _log(self) -> str:
        log: bytes = self._container.get_wrapped_container().logs(tail=LOG_LINES)
        return log.decode(errors="replace")

    async def stop(self) -> None:
        """Stop it in order; harmless when it does not run."""
        if self._created:
            await asyncio.to_thread(self._container.get_wrapped_container().stop, timeout=STOP_DEADLINE)

    async def kill(self) -> None:
        """Kill -9 it."""
        if self._created:
            await asyncio.to_thread(self._container.get_wrapped_container().kill)

    async def close(self) -> None:
        """Delete the container and its data; harmless when there is none any more."""
        if self._created:
            self._created = False
            await asyncio.to_thread(self._container.stop)


def postgres_server(postgres: Postgres) -> DockerServer:
    settings = FAST_AND_FORGETFUL | {"max_connections": "200", "timezone": "UTC"}
    command = ["postgres", *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))]
    container = DockerContainer("postgres:18").with_command(command)
    container.with_env("POSTGRES_PASSWORD", postgres.secrets.superuser_password.get_secret_value())
    # The image's own choice is en_US, which orders text otherwise than the clusters that `ledgerlink up` makes.
    container.with_env("POSTGRES_INITDB_ARGS", " ".join((*TEXT, "--no-sync")))
    return DockerServer(container, {5432: postgres.port}, postgres.component())


def nats_server(nats: Nats) -> DockerServer:
    listen, monitoring = f"{IN_CONTAINER}:4222", f"{IN_CONTAINER}:8222"
    content = configuration(listen, monitoring, f"{MOUNTED}/jetstream", nats.public_keys, durable=nats.durable)
    nats.directory.mkdir(parents=True, exist_ok=True)
    (nats.directory / CONFIG).write_text(json.dumps(content))
    # Under our own user, as the image's root would leave JetStream files that tests can neither copy nor delete. Not
    # JetStream's directory is mounted but its parent, as Docker gives root a mounted directory that a test has deleted.
    container = DockerContainer("nats:2.15", user=f"{os.getuid()}:{os.getgid()}")
    container.with_command(["--config", f"{MOUNTED}/{CONFIG}"])
    container.with_volume_mapping(str(nats.directory), MOUNTED, "rw")
    return DockerServer(container, {4222: nats.port, 8222: nats.monitoring_port}, nats.component())


def valkey_server(valkey: Valkey) -> DockerServer:
    settings = MEMORY | {"requirepass": valkey.password.get_secret_value(), "appendonly": "no", "save": ""}
    command = ["valkey-server", *(part for name, value in settings.items() for part in (f"--{name}", value))]
    container = DockerContainer("valkey/valkey:9").with_command(command)
    return DockerServer(container, {6379: valkey.port}, valkey.component())
