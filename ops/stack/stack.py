"""The embedded stack on one data directory, as a library: what `ledgerlink up`, demo, bench and tests run."""

import asyncio
import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from contracts.topology import PROVISIONER, SERVICES
from ops.stack.component import Component
from ops.stack.errors import StackError
from ops.stack.layout import Layout
from ops.stack.leftovers import end_leftovers
from ops.stack.lock import DataDirLock
from ops.stack.parts import Parts
from ops.stack.ports import HOST, is_free, remembered_ports
from ops.stack.sandbox_processor import NAME as SANDBOX_PROCESSOR
from ops.stack.state import read_state
from ops.stack.supervisor import Observer, Supervisor, unobserved

SERVERS = ("postgres", "nats", "valkey")
EVERYTHING = (*SERVERS, "migrate", PROVISIONER, SANDBOX_PROCESSOR, *SERVICES, "gateway")
PORTS = ("postgres", "nats", "nats-monitoring", "valkey", SANDBOX_PROCESSOR, *SERVICES, "gateway")
HEALTHY_AGAIN = 60.0


class Stack:
    """The embedded stack; `async with Stack(path) as stack:` starts it healthy and stops it at the end.

    `port` is the gateway's (None: a free one, remembered), `fresh` wipes the directory first, `only` names
    the processes to run. Entering raises StackError, with what to do, when it cannot start.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        fresh: bool = False,
        only: Collection[str] = EVERYTHING,
        durable: bool = True,
        observer: Observer = unobserved,
    ) -> None:
        self.layout = Layout.at(data_dir)
        for unknown in set(only) - set(EVERYTHING):
            raise StackError(f"there is no process {unknown}; there are {', '.join(EVERYTHING)}")
        self._port = port
        self._fresh = fresh
        self._only = only
        self._durable = durable
        self._observer = observer
        self._lock = DataDirLock(self.layout.lock)
        self._parts: Parts | None = None
        self._supervisor: Supervisor | None = None
        self.ended_leftovers: list[str] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything and wait until it is healthy. Raises StackError."""
        self.layout.create()
        self._lock.acquire()
        try:
            await asyncio.to_thread(self._clean_up)
            self._parts = Parts.of(self.layout, self._chosen_ports(), durable=self._durable)
            components = [c for c in self._parts.components() if c.name in self._only]
            self._supervisor = Supervisor(_closed(components), self.layout, self._observer)
            await self._supervisor.start()
        except BaseException:
            self._lock.release()
            raise

    async def stop(self) -> None:
        """Stop everything, in reverse order; harmless when nothing runs."""
        if self._supervisor is not None:
            await self._supervisor.stop()
            self._supervisor = None
        self._lock.release()

    @property
    def parts(self) -> Parts:
        """The servers, their URLs and secrets. Raises StackError before the start."""
        if self._parts is None:
            raise StackError("the stack was not started")
        return self._parts

    @property
    def supervisor(self) -> Supervisor:
        """The running supervisor. Raises StackError when the stack does not run."""
        if self._supervisor is None:
            raise StackError("the stack does not run")
        return self._supervisor

    @property
    def url(self) -> str:
        """The gateway's base URL."""
        return f"http://{HOST}:{self.parts.ports['gateway']}"

    def pid(self, name: str) -> int:
        """Return a process's id. Raises StackError when it does not run."""
        return self.supervisor[name].pid

    async def kill_process(self, name: str, *, restart: bool = True) -> None:
        """Kill -9 a process; the supervisor restarts it, or `restart=False` leaves it down."""
        await self.supervisor[name].kill(restart=restart)

    async def stop_process(self, name: str) -> None:
        """Ask a process to stop, and leave it down."""
        await self.supervisor[name].stop()

    async def start_process(self, name: str) -> None:
        """Start a process that was stopped, and wait until it is healthy. Raises StackError."""
        await self.supervisor[name].start()

    async def healthy(self, *names: str, deadline: float = HEALTHY_AGAIN) -> None:
        """Wait until the named processes (default: all) are healthy. Raises StackError after `deadline` s."""
        await self.supervisor.healthy(names or self.supervisor.names, deadline)

    def wipe_jetstream(self) -> None:
        """Delete all that NATS has stored. Raises StackError while NATS runs."""
        if self.supervisor["nats"].runs:
            raise StackError("NATS runs: stop it before its store is deleted")
        shutil.rmtree(self.parts.nats.jetstream, ignore_errors=True)

    def _clean_up(self) -> None:
        self.ended_leftovers = end_leftovers(read_state(self.layout.state))
        self.layout.state.unlink(missing_ok=True)
        if self._port is not None and "gateway" in self._only and not is_free(self._port):
            raise StackError(f"port {self._port} is in use by another program; choose another one with --port")
        if self._fresh:
            self.layout.wipe()
            self.layout.create()

    def _chosen_ports(self) -> dict[str, int]:
        given = {} if self._port is None else {"gateway": self._port}
        return remembered_ports(self.layout.ports, PORTS, given)


def _closed(components: Sequence[Component]) -> list[Component]:
    """Return the components without the dependencies that are not among them."""
    names = {component.name for component in components}
    return [
        replace(
            c,
            after=tuple(n for n in c.after if n in names),
            uses=tuple(n for n in c.uses if n in names),
            loads_after=None if c.loads_after is None else tuple(n for n in c.loads_after if n in names),
        )
        for c in components
    ]
