"""Long work in the event loop's thread that lets the rest of the process go on: above all, what waits to be sent."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")
AT_A_TIME = 64


async def let_others_go_on() -> None:
    """Run all that is ready to run, and send what it writes.

    Two rounds of the loop: uvloop sends at the end of a round what was written in it, so that after one round alone the
    others' statements would wait for our own work.
    """
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def by_and_by(items: Sequence[T], at_a_time: int = AT_A_TIME) -> AsyncIterator[T]:
    """Go through items, letting others go on now and then."""
    for start in range(0, len(items), at_a_time):
        if start:
            await let_others_go_on()
        for item in items[start : start + at_a_time]:
            yield item
