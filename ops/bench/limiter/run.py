"""One run of the bench of rate limits: a Valkey of its own, and processes that check at the same time."""

import asyncio
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from ops.bench.cpu import CpuMeter
from ops.bench.limiter.checker import READY
from ops.bench.limiter.job import Job, Progress, Told
from ops.bench.limiter.report import Cost, LimiterReport, latency
from ops.bench.progress import progress_bars
from ops.stack.errors import StackError
from ops.stack.stack import Stack

ALONE = 5_000
READY_SECONDS = 60.0
LINE_BYTES = 64 * 2**20
ADMITTED_SHARE = 0.3
"""Of all checks, what each tight policy admits: less than a third, so that its own requests alone use it up."""


@dataclass(frozen=True)
class Options:
    """What is asked for: so many checks, by so many processes with so many at a time each."""

    checks: int
    processes: int
    concurrency: int


async def run(options: Options) -> LimiterReport:
    """Start Valkey in a temporary directory, and check. Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory, progress_bars() as bars:
        async with Stack(Path(directory) / "data", only=("valkey",)) as stack:
            load_average = os.getloadavg()[0]
            meter = CpuMeter({"valkey": stack.pid("valkey")})
            url = SecretStr(stack.parts.valkey.url)
            bar = bars.add_task("one at a time", total=ALONE)
            alone = await _measure([Job(redis_url=url, run="alone", checks=ALONE, concurrency=1, quota=ALONE)],
                                   meter, lambda done: bars.advance(bar, done))  # fmt: skip
            bar = bars.add_task("all at once", total=options.checks)
            quota = int(options.checks * ADMITTED_SHARE)
            jobs = [
                Job(redis_url=url, run="loaded", checks=checks, concurrency=options.concurrency, quota=quota)
                for checks in _shares(options.checks, options.processes)
            ]
            loaded = await _measure(jobs, meter, lambda done: bars.advance(bar, done))
    return LimiterReport(
        checks=options.checks,
        processes=options.processes,
        concurrency=options.concurrency,
        load_average=round(load_average, 2),
        allowed=quota,
        admitted={name: loaded.admitted[f"loaded-{name}"] for name in ("user", "client")},
        alone=_cost(alone, ALONE),
        loaded=_cost(loaded, options.checks),
    )


@dataclass(frozen=True)
class _Measured:
    admitted: Counter[str]
    microseconds: Counter[int]
    seconds: float
    checkers_cpu: float
    valkey_cpu: float


async def _measure(jobs: Sequence[Job], meter: CpuMeter, advance: Callable[[int], None]) -> _Measured:
    """Do the jobs at the same time."""
    async with AsyncExitStack() as processes:
        checkers = await asyncio.gather(*(processes.enter_async_context(_checker(job)) for job in jobs))
        meter.start()
        started = time.monotonic()
        told = await asyncio.gather(*(_followed(checker, advance) for checker in checkers))
        seconds = time.monotonic() - started
        cpu = meter.stop()
    return _Measured(
        admitted=sum((each.admitted for each in told), Counter()),
        microseconds=sum((each.microseconds for each in told), Counter()),
        seconds=seconds,
        checkers_cpu=sum(each.cpu_seconds for each in told),
        valkey_cpu=cpu["valkey"],
    )


@asynccontextmanager
async def _checker(job: Job) -> AsyncIterator[Process]:
    """Run a process that is ready for its job; it is killed if it has not ended."""
    argv = (sys.executable, "-m", "ops.bench.limiter.checker")
    process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, limit=LINE_BYTES)
    try:
        await _write(process, job.model_dump_json())
        async with asyncio.timeout(READY_SECONDS):
            if await _read(process) != READY:
                raise StackError("a process of the bench did not become ready")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _followed(process: Process, advance: Callable[[int], None]) -> Told:
    """Let a process begin, and return what it tells at last."""
    await _write(process, "go")
    while (line := await _read(process)).startswith('{"done"'):
        advance(Progress.model_validate_json(line).done)
    if not line:
        raise StackError("a process of the bench ended before its work")
    told = Told.model_validate_json(line)
    await process.wait()
    return told


async def _write(process: Process, line: str) -> None:
    assert process.stdin is not None  # noqa: S101 - it was asked for
    process.stdin.write(line.encode() + b"\n")
    await process.stdin.drain()


async def _read(process: Process) -> str:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    return (await process.stdout.readline()).decode().strip()


def _shares(checks: int, processes: int) -> list[int]:
    each, over = divmod(checks, processes)
    return [each + (number < over) for number in range(processes)]


def _cost(measured: _Measured, checks: int) -> Cost:
    return Cost(
        seconds=round(measured.seconds, 2),
        per_second=round(checks / measured.seconds, 1),
        latency=latency(measured.microseconds),
        gateway_cpu_us=round(1e6 * measured.checkers_cpu / checks, 1),
        valkey_cpu_us=round(1e6 * measured.valkey_cpu / checks, 1),
    )
