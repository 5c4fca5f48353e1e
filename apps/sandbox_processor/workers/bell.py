"""Waiting for new work, or until a time comes."""

import asyncio
import contextlib

LONGEST_WAIT = 60.0  # seconds: whatever a bell misses is found then


class Bell:
    """Rung by whoever makes work, waited for by the worker that does it."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the worker, now or as soon as it waits."""
        self._rung.set()

    async def wait(self, seconds: float | None) -> None:
        """Return when it was rung since the last wait, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(LONGEST_WAIT, seconds if seconds is not None else LONGEST_WAIT)):
                await self._rung.wait()
        self._rung.clear()
