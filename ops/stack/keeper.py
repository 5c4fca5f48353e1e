"""Keeps one component alive: starts it, waits until it is healthy, restarts it when it dies unasked."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from ops.stack import logs
from ops.stack.child import Child
from ops.stack.component import Component, State
from ops.stack.errors import StackError
from ops.stack.state import ProcessRecord

POLL = 0.1
PROBE_EVERY = 0.05
PROBE_DEADLINE = 3.0
FIRST_DELAY, LONGEST_DELAY = 0.1, 10.0
CALM_AFTER = 30.0  # seconds alive after which the next death counts as the first again


class Keeper:
    """One component's life. `changed` is called after every change of its record."""

    def __init__(self, component: Component, log: Path, cwd: Path, changed: Callable[["Keeper"], None]) -> None:
        self.component = component
        self.restarts = 0
        self.state = State.WAITING
        self.log = log
        self._cwd = cwd
        self._changed = changed
        self._child: Child | None = None
        self._watch: asyncio.Task[None] | None = None
        self._delay = FIRST_DELAY

    @property
    def record(self) -> ProcessRecord:
        """What the state file says about it."""
        child = self._child
        return ProcessRecord(
            name=self.component.name,
            pid=child.pid if child else None,
            create_time=child.create_time if child else None,
            port=self.component.port,
            state=self.state,
            restarts=self.restarts,
            stop_signal=self.component.stop_signal.value,
        )

    @property
    def runs(self) -> bool:
        """Whether its process is alive."""
        return self._child is not None and self._child.exit_code() is None

    @property
    def pid(self) -> int:
        """The running process's id. Raises StackError when none runs."""
        if self._child is None or self._child.exit_code() is not None:
            raise StackError(f"{self.component.name} does not run")
        return self._child.pid

    async def start(self) -> None:
        """Start it and wait until it is healthy; from then on restart it when it dies.

        Raises StackError, with the end of its log, when it is not healthy within its start deadline.
        """
        if self._watch is not None:
            raise StackError(f"{self.component.name} runs already")
        try:
            async with asyncio.timeout(self.component.start_deadline):
                await self._started()
        except TimeoutError:
            await self.stop()
            raise StackError(self._too_late(self.component.start_deadline)) from None
        if not self.component.one_shot:
            self._watch = asyncio.create_task(self._keep_alive(), name=f"keep {self.component.name}")

    def load(self) -> None:
        """Start its process ahead of `start`: it loads its code, and waits at its gate."""
        self._spawn()

    async def stop(self) -> None:
        """Stop it and restart it no more; harmless when it does not run."""
        await self._let_go()
        if self._child is not None:
            await self._child.stop()
            self._enter(State.STOPPED)

    async def kill(self, *, restart: bool) -> None:
        """Kill it (SIGKILL); let it be restarted as after any death, or not."""
        if not restart:
            await self._let_go()
        if self._child is not None:
            self._child.kill()
            await self._child.exited(PROBE_DEADLINE)
            if not restart:
                self._enter(State.STOPPED)

    async def healthy(self, deadline: float) -> None:
        """Wait until it is healthy. Raises StackError after `deadline` seconds."""
        end = time.monotonic() + deadline
        while self.state is not State.DONE and not (self.state is State.HEALTHY and self.runs):
            if time.monotonic() > end:
                raise StackError(self._too_late(deadline))
            await asyncio.sleep(PROBE_EVERY)

    async def _let_go(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None

    async def _started(self) -> None:
        """Start it, again and again after growing delays if it dies young, until it is healthy."""
        while True:
            self._enter(State.STARTING)
            if self.component.one_shot and not await self.component.needed():
                return self._enter(State.DONE)
            await self.component.prepare()
            child = self._child if self._child is not None and self.runs else self._spawn()
            child.open_gate()
            if self.component.one_shot:
                return await self._ended_well(child)
            if await self._became_healthy(child):
                await self.component.once_healthy()
                return self._enter(State.HEALTHY)
            self._enter(State.DEAD)
            await self._backed_off()

    def _spawn(self) -> Child:
        self._child = Child(self.component, self.log, self._cwd)
        self._enter(self.state)  # now with a pid
        return self._child

    async def _ended_well(self, child: Child) -> None:
        if await child.exited(self.component.start_deadline) != 0:
            await child.stop()
            self._enter(State.DEAD)
            raise StackError(self._failure("failed"))
        await self.component.once_healthy()
        self._enter(State.DONE)

    async def _became_healthy(self, child: Child) -> bool:
        """Wait for its probe; return False if it ends before. The caller bounds the wait."""
        while child.exit_code() is None:
            if await probed(self.component) is None:
                return True
            await asyncio.sleep(PROBE_EVERY)
        return False

    async def _keep_alive(self) -> None:
        """Restart it whenever it ends: an operator sees the restarts, and the delay bounds their rate."""
        while True:
            await asyncio.sleep(POLL)
            if self._child is None or self._child.exit_code() is None:
                continue
            self._enter(State.DEAD)
            if time.monotonic() - self._child.started > CALM_AFTER:
                self._delay = FIRST_DELAY
            await self._backed_off()
            with contextlib.suppress(StackError):  # it stays dead, and the next round tries again, later
                await self._started()

    async def _backed_off(self) -> None:
        await asyncio.sleep(self._delay)
        self._delay = min(self._delay * 2, LONGEST_DELAY)
        self.restarts += 1

    def _enter(self, state: State) -> None:
        self.state = state
        self._changed(self)

    def _too_late(self, deadline: float) -> str:
        return self._failure(f"was not healthy within {deadline:.0f} s")

    def _failure(self, what: str) -> str:
        end = logs.tail(self.log)
        return f"{self.component.name} {what}; the end of {self.log}:\n{end or '(empty)'}"


async def probed(component: Component) -> str | None:
    """Return the probe's verdict, within its deadline: None when healthy, else why not."""
    try:
        async with asyncio.timeout(PROBE_DEADLINE):
            return await component.probe()
    except TimeoutError:
        return f"did not answer within {PROBE_DEADLINE:.0f} s"
    except OSError as error:
        return str(error) or type(error).__name__
