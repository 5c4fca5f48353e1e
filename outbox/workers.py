"""Work beside the messages: a task that drains what is due in the database, woken by commits and by a slow poll."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from outbox.database import is_transient
from outbox.metrics import JOB_FAILURES

_LOG = structlog.get_logger()
_LONGEST_PAUSE_SECONDS = 30.0

Drain = Callable[[], Awaitable[bool]]
"""Does what is due, a bounded part of it, and tells whether there may be more."""


class Worker:
    """Calls `drain` whenever it is woken, or after `poll_seconds`, and again at once as long as there may be more."""

    def __init__(self, name: str, drain: Drain, poll_seconds: float) -> None:
        self.name = name
        self._drain = drain
        self._poll = poll_seconds
        self._woken = asyncio.Event()
        self._failures = JOB_FAILURES.labels(name)

    def wake(self) -> None:
        """Look for work now."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled; trouble is logged and counted, and tried again after a growing pause."""
        pause = self._poll
        while True:
            self._woken.clear()
            try:
                more = await self._drain()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and counted, and tried again
                self._failures.inc()
                if is_transient(error):
                    _LOG.warning("database is away", worker=self.name, error=str(error) or type(error).__name__)
                else:
                    _LOG.exception("worker failed, will try again", worker=self.name)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                continue
            pause = self._poll
            if not more:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._poll):
                await self._woken.wait()
        except TimeoutError:
            return
