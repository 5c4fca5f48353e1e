"""Carries out backtests in processes of their own, part by part: each is recorded, so a restart goes on after it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from uuid import UUID

import structlog

from apps.risk.domain.backtesting import MOST_FLIPS, MOST_TRIES, Tally
from apps.risk.domain.rule_sets.compiling import RuleSetError
from apps.risk.domain.ruling import Ruling
from apps.risk.handlers.backtests import WORKER
from apps.risk.handlers.rulings import load_ruling
from apps.risk.store import backtests as store
from apps.risk.store.backtests import Advance, Running
from apps.risk.workers.judging_processes import JudgedPart, Part, judge_part, prepare
from contracts.risk import BacktestStatus
from outbox.database import Database, Reads
from outbox.transaction import Transactions
from outbox.workers import Worker

_LOG = structlog.get_logger()
POLL_SECONDS = 5.0
PART = 5_000
PART_SECONDS = 300.0
"""A part takes a second or two; a process that has not judged it by then never will."""


@dataclass(frozen=True)
class Backtests:
    """The worker's parts; `url` is that of the database, for the `processes`."""

    database: Database
    transactions: Transactions
    url: str
    processes: int
    part: int = PART

    def worker(self) -> Worker:
        """Return the worker."""
        return Worker(WORKER, self.carry_out, POLL_SECONDS)

    async def carry_out(self) -> bool:
        """Carry out the backtest that is under way, if there is one that nobody else works on."""
        async with self.database.reads() as reads:
            running = await store.load_running(reads)
        if running is None:
            return False
        # A connection of its own: what it holds ends with it, however this process ends.
        connection = await self.database.connect(idle_session_timeout="0")
        try:
            if not await store.try_to_work(Reads(connection)):
                return False
            await self._work()
        finally:
            connection.terminate()
        return True

    async def _work(self) -> None:
        async with self.database.reads() as reads:
            running = await store.load_running(reads)
        if running is None:
            return
        if running.tries >= MOST_TRIES:
            await self._end(running.id, BacktestStatus.FAILED, f"it ended {MOST_TRIES} times without getting further")
            return
        try:
            ruling = await self._begin(running)
        except (RuleSetError, LookupError) as error:
            await self._end(running.id, BacktestStatus.FAILED, str(error))
            return
        async with _processes(self.processes, self.url, ruling) as pool:
            if await self._judge(running, pool):
                await self._end(running.id, BacktestStatus.COMPLETED)

    async def _begin(self, running: Running) -> Ruling:
        async with self.transactions.begin() as tx:
            ruling = await load_ruling(tx, running.rule_set)
            await store.note_try(tx, running.id, await store.count_total(tx, running))
        return ruling

    async def _judge(self, running: Running, pool: ProcessPoolExecutor) -> bool:
        """Judge part by part, some at the same time; tell whether all are: not when it was canceled meanwhile."""
        loop = asyncio.get_running_loop()
        progress = _Progress(running)
        under_way: deque[tuple[Part, asyncio.Future[JudgedPart]]] = deque()
        async for part in self._parts(running):
            under_way.append((part, loop.run_in_executor(pool, judge_part, part)))
            if len(under_way) > self.processes and not await self._record(progress, *under_way.popleft()):
                return False
        while under_way:
            if not await self._record(progress, *under_way.popleft()):
                return False
        return True

    async def _parts(self, running: Running) -> AsyncIterator[Part]:
        end, left = running.reached or running.end, running.most - running.done
        while left > 0:
            async with self.database.reads() as reads:
                lowest, payments = await store.load_chunk(reads, running.first, end, min(self.part, left))
            if lowest is None:
                return
            yield Part(lowest, end, payments)
            end, left = lowest, left - payments

    async def _record(self, progress: "_Progress", part: Part, judging: "asyncio.Future[JudgedPart]") -> bool:
        async with asyncio.timeout(PART_SECONDS):
            judged = await judging
        advance = progress.after(part, judged)
        async with self.transactions.begin() as tx:
            return await store.advance(tx, progress.identifier, progress.advanced_from, advance)

    async def _end(self, identifier: UUID, status: BacktestStatus, failure: str | None = None) -> None:
        async with self.transactions.begin() as tx:
            await store.end(tx, identifier, status, failure=failure)
        _LOG.info("backtest ended", backtest=str(identifier), status=status.value, failure=failure)


class _Progress:
    """How far a backtest is: parts come in their order, whichever was judged first."""

    def __init__(self, running: Running) -> None:
        self.identifier = running.id
        self.advanced_from = self._reached = running.reached
        self._tally: Tally = running.tally
        self._flips_kept = running.flips_kept

    def after(self, part: Part, judged: JudgedPart) -> Advance:
        """Count in a part; what comes out otherwise is listed as long as there is room."""
        self.advanced_from, self._reached = self._reached, part.first
        self._tally.add(judged.tally)
        kept = judged.flips[: MOST_FLIPS - self._flips_kept]
        self._flips_kept += len(kept)
        not_judged = part.payments - judged.judged
        return Advance(part.first, judged.judged, not_judged, len(judged.flips), kept, self._tally)


@asynccontextmanager
async def _processes(count: int, url: str, ruling: Ruling) -> AsyncIterator[ProcessPoolExecutor]:
    """Lend processes. They are spawned: a copy of this one would have its connections and threads in it."""
    model = ruling.model.document.canonical() if ruling.model else None
    arguments = url, ruling.rules.document.canonical(), model
    pool = ProcessPoolExecutor(count, get_context("spawn"), prepare, arguments)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
