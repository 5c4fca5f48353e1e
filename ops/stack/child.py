"""One running process, in a session of its own, so that the terminal's Ctrl-C reaches only the supervisor."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil

from ops.stack.component import Component
from ops.stack.errors import StackError
from ops.stack.logs import open_log

POLL = 0.02
KILL_DEADLINE = 10.0  # for the kernel to end a process that was killed


class Child:
    """A started process of a component."""

    def __init__(self, component: Component, log: Path, cwd: Path) -> None:
        """Start it. Raises StackError when its program cannot be started."""
        self.component = component
        try:
            with open_log(log) as output:
                self._popen = subprocess.Popen(
                    component.argv,
                    stdin=subprocess.DEVNULL if component.loads_after is None else subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=dict(component.environment),
                    cwd=cwd,
                    start_new_session=True,
                    user=component.account.uid if component.account else None,
                    group=component.account.gid if component.account else None,
                    extra_groups=[] if component.account else None,
                )
        except OSError as error:
            raise StackError(f"{component.name} could not be started: {error}") from error
        self.pid = self._popen.pid
        self.create_time = psutil.Process(self.pid).create_time()
        self.started = time.monotonic()

    def open_gate(self) -> None:
        """Let a gated process begin; harmless for any other, and when it has begun."""
        gate, self._popen.stdin = self._popen.stdin, None
        if gate is not None:
            with contextlib.suppress(BrokenPipeError), gate:  # if it has died, its watcher will see
                gate.write(b"\n")

    def exit_code(self) -> int | None:
        """Return how it ended (negative: by that signal), or None while it runs."""
        return self._popen.poll()

    def kill(self) -> None:
        """Kill it and its process group at once (SIGKILL)."""
        if self.exit_code() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def exited(self, deadline: float) -> int | None:
        """Wait up to `deadline` seconds for its end; return its exit code, or None if it runs on."""
        end = time.monotonic() + deadline
        # A poll, because waiting for a process without one ties it to a thread or to one event loop.
        while (code := self.exit_code()) is None and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(POLL)
        return code

    async def stop(self) -> None:
        """Ask it to stop; kill it when its deadline has passed."""
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        if self.exit_code() is None:
            self._popen.send_signal(self.component.stop_signal)
            if await self.exited(self.component.stop_deadline) is None:
                self.kill()
                await self.exited(KILL_DEADLINE)
