"""A worker drains what is due: when it is woken, when its poll comes round, and again after trouble."""

import asyncio

from outbox.workers import Worker


class Work:
    """Counts drains; the first ones may fail or leave more to do."""

    def __init__(self, failures: int = 0, more: int = 0) -> None:
        self.drains, self.failures, self.more = 0, failures, more
        self.drained = asyncio.Event()

    async def drain(self) -> bool:
        self.drains += 1
        self.drained.set()
        if self.drains <= self.failures:
            raise ValueError("trouble")
        self.more -= 1
        return self.more >= 0

    async def reach(self, drains: int) -> None:
        async with asyncio.timeout(5):
            while self.drains < drains:
                self.drained.clear()
                await self.drained.wait()


async def test_it_drains_at_start_and_again_when_woken() -> None:
    work = Work()
    worker = Worker("test", work.drain, poll_seconds=60)
    task = asyncio.create_task(worker.run())
    await work.reach(1)
    worker.wake()
    await work.reach(2)
    await asyncio.sleep(0.05)
    assert work.drains == 2
    task.cancel()


async def test_it_goes_on_at_once_while_there_is_more() -> None:
    work = Work(more=3)
    task = asyncio.create_task(Worker("test", work.drain, poll_seconds=60).run())
    await work.reach(4)
    task.cancel()


async def test_it_polls_without_being_woken() -> None:
    work = Work()
    task = asyncio.create_task(Worker("test", work.drain, poll_seconds=0.01).run())
    await work.reach(3)
    task.cancel()


async def test_trouble_does_not_end_it() -> None:
    work = Work(failures=2)
    task = asyncio.create_task(Worker("test", work.drain, poll_seconds=0.01).run())
    await work.reach(3)
    assert not task.done()
    task.cancel()
