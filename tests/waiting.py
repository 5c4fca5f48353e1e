"""Waiting for what must come true, never for time to pass."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.05


async def eventually(what: str, ask: Callable[[], Awaitable[T | None]], *, deadline: float = 20.0) -> T:
    """Ask again and again until the answer is truthy, and return it. Raises AssertionError after `deadline` seconds."""
    end = time.monotonic() + deadline
    while not (answer := await ask()):
        assert time.monotonic() < end, f"not within {deadline:.0f} s: {what} (last answer: {answer!r})"
        await asyncio.sleep(PAUSE)
    return answer
