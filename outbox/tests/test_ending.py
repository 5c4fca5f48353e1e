"""Stopping: what would go on for ever ends, also where a cancellation gets lost on the way."""

import asyncio

from outbox.ending import end


async def test_a_task_that_loses_a_cancellation_ends_all_the_same() -> None:
    """As wait_for of Python 3.11 does, when the answer comes in the same turn of the loop as the cancellation."""
    lost: list[bool] = []

    async def watch() -> None:
        while True:
            answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            try:
                await answer
            except asyncio.CancelledError:
                if len(lost) == 3:
                    raise
                lost.append(True)

    tasks = [asyncio.create_task(watch())]
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await end(tasks)
    assert len(lost) == 3
    assert tasks[0].cancelled()


async def test_a_task_that_has_failed_already_is_no_trouble() -> None:
    async def fail() -> None:
        raise ValueError

    tasks = [asyncio.create_task(fail())]
    await asyncio.sleep(0)
    await end(tasks)
    await end([])
