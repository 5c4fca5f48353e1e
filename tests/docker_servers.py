"""The same servers as containers (LEDGERLINK_TEST_BACKEND=docker): same versions, same users, same configuration."""

import asyncio
import json
import time

from testcontainers.core.container import DockerContainer

from ops.stack.component import Component
from ops.stack.keeper import probed
from ops.stack.nats import Nats, configuration
from ops.stack.ports import HOST
from ops.stack.postgres import FAST_AND_FORGETFUL, Postgres
from ops.stack.valkey import Valkey

START_DEADLINE = 120.0  # a first run pulls the image
PROBE_EVERY = 0.05
STOP_DEADLINE = 10
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
        """Start it and wait until it answers. Raises AssertionError."""
        if self._created:
            await asyncio.to_thread(self._container.get_wrapped_container().start)
        else:
            await asyncio.to_thread(self._container.start)
            self._created = True
        end = time.monotonic() + START_DEADLINE
        while reason := await probed(self._component):
            assert time.monotonic() < end, f"{self._component.name}: {reason}"
            await asyncio.sleep(PROBE_EVERY)
        await self._component.once_healthy()

    async def stop(self) -> None:
        """Stop it in order; harmless when it does not run."""
        if self._created:
            await asyncio.to_thread(self._container.get_wrapped_container().stop, timeout=STOP_DEADLINE)

    async def kill(self) -> None:
        """Kill -9 it."""
        if self._created:
            await asyncio.to_thread(self._container.get_wrapped_container().kill)

    async def close(self) -> None:
        """Delete the container and its data."""
        await asyncio.to_thread(self._container.stop)


def postgres_server(postgres: Postgres) -> DockerServer:
    settings = FAST_AND_FORGETFUL | {"max_connections": "200", "timezone": "UTC"}
    command = ["postgres", *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))]
    container = DockerContainer("postgres:18").with_command(command)
    container.with_env("POSTGRES_PASSWORD", postgres.secrets.superuser_password.get_secret_value())
    return DockerServer(container, {5432: postgres.port}, postgres.component())


def nats_server(nats: Nats) -> DockerServer:
    listen, monitoring = f"{IN_CONTAINER}:4222", f"{IN_CONTAINER}:8222"
    content = configuration(listen, monitoring, "/data/jetstream", nats.public_keys, durable=nats.durable)
    nats.directory.mkdir(parents=True, exist_ok=True)
    config = nats.directory / "container.conf"
    config.write_text(json.dumps(content))
    container = DockerContainer("nats:2.15").with_command(["--config", "/etc/nats/ledgerlink.conf"])
    container.with_volume_mapping(str(config), "/etc/nats/ledgerlink.conf", "ro")
    container.with_volume_mapping(str(nats.jetstream), "/data/jetstream", "rw")
    return DockerServer(container, {4222: nats.port, 8222: nats.monitoring_port}, nats.component())


def valkey_server(valkey: Valkey) -> DockerServer:
    command = ["valkey-server", "--requirepass", valkey.password.get_secret_value(), "--save", ""]
    container = DockerContainer("valkey/valkey:9").with_command(command)
    return DockerServer(container, {6379: valkey.port}, valkey.component())
