"""The servers of the tests, started from the wheels: as quick as a fixture should be."""

import asyncio
import time
from pathlib import Path

from ops.stack.child import Child
from ops.stack.component import Component
from ops.stack.keeper import probed
from ops.stack.logs import tail
from ops.stack.nats import Nats
from ops.stack.postgres import Postgres
from ops.stack.state import ProcessRecord, write_state
from ops.stack.valkey import Valkey
from tests.server_directory import STATE_SUFFIX

START_DEADLINE = 60.0
PROBE_EVERY = 0.01


class EmbeddedServer:
    """One server process, without a supervisor: it stays down when it is stopped."""

    def __init__(self, component: Component, directory: Path) -> None:
        self._component = component
        self._directory = directory
        self._child: Child | None = None

    async def start(self) -> None:
        """Start it and wait until it answers. Raises AssertionError, with the end of its log."""
        await self._component.prepare()
        log = self._directory / f"{self._component.name}.log"
        self._child = Child(self._component, log, self._directory)
        self._write_down(self._child)
        await self.healthy(tail_of=log)
        await self._component.once_healthy()

    def _write_down(self, child: Child) -> None:
        """Note what runs, so that the next session can end it if this one is killed."""
        record = ProcessRecord(
            name=self._component.name,
            pid=child.pid,
            create_time=child.create_time,
            stop_signal=self._component.stop_signal.value,
        )
        write_state(self._directory / f"{record.name}{STATE_SUFFIX}", [record])

    async def healthy(self, tail_of: Path) -> None:
        end = time.monotonic() + START_DEADLINE
        while reason := await probed(self._component):
            ended = self._child is None or self._child.exit_code() is not None
            assert not ended, f"{self._component.name} ended: {tail(tail_of)}"
            assert time.monotonic() < end, f"{self._component.name}: {reason}; {tail(tail_of)}"
            await asyncio.sleep(PROBE_EVERY)

    async def stop(self) -> None:
        """Stop it in order; harmless when it does not run."""
        if self._child is not None:
            await self._child.stop()
            self._child = None

    async def kill(self) -> None:
        """Kill -9 it."""
        if self._child is not None:
            self._child.kill()
            await self._child.exited(START_DEADLINE)
            self._child = None

    async def close(self) -> None:
        """Stop it; its directory belongs to the caller."""
        await self.stop()


def postgres_server(postgres: Postgres) -> EmbeddedServer:
    return EmbeddedServer(postgres.component(), postgres.directory.parent)


def nats_server(nats: Nats) -> EmbeddedServer:
    return EmbeddedServer(nats.component(), nats.directory.parent)


def valkey_server(valkey: Valkey) -> EmbeddedServer:
    return EmbeddedServer(valkey.component(), valkey.directory.parent)
