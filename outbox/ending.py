"""Ends tasks that would go on for ever."""

import asyncio
from collections.abc import Collection
from typing import Any

_CANCELLED_AGAIN_SECONDS = 0.05


async def end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel tasks, and wait until they have ended.

    Asked again and again: wait_for of Python 3.11, by which nats-py waits, loses a cancellation that comes along with
    what it waits for (python/cpython#86296).
    """
    pending: Collection[asyncio.Task[Any]] = tasks
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCELLED_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
