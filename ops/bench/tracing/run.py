"""One run of the bench of tracing: two systems side by side, one of them traced, driven in turn."""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from contracts.topology import SERVICES
from ledgerlink_client import LedgerLink
from ops.bench.asks import payments
from ops.bench.cpu import CpuMeter
from ops.bench.load import Ask, Outcomes, drive
from ops.bench.progress import progress_bars, timed
from ops.bench.setup import make_payers
from ops.bench.tracing.report import TracingReport, middle, ratios, side
from ops.bench.tracing.sink import Sink, sink
from ops.stack.stack import Stack

WARM_UP_SECONDS = 3.0


@dataclass(frozen=True)
class Options:
    """What is asked for: pairs of `rounds` of `seconds`, one without and one with `sample_ratio` of the traces."""

    seconds: float
    rounds: int
    sample_ratio: float
    concurrency: int
    payers: int


@dataclass
class _System:
    """A stack that is driven round by round, and what came of it."""

    stack: Stack
    asks: Iterator[Ask]
    rounds: list[Outcomes] = field(default_factory=list)
    cpu: Counter[str] = field(default_factory=Counter)

    async def drive(self, seconds: float, concurrency: int) -> Outcomes:
        return await drive(self.stack.url, self.asks, seconds, None, concurrency)

    async def measure(self, seconds: float, concurrency: int) -> None:
        pids = {name: self.stack.pid(name) for name in self.stack.supervisor.names if name != "migrate"}
        meter = CpuMeter(pids | {"load generator": os.getpid()})
        meter.start()
        self.rounds.append(await self.drive(seconds, concurrency))
        self.cpu.update(meter.stop())


async def run(options: Options) -> TracingReport:
    """Start both systems in a temporary directory, and pay. Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory, sink() as spans:
        async with AsyncExitStack() as running:
            bars = running.enter_context(progress_bars())
            starting = bars.add_task("starting the servers", total=None)
            stacks = []
            for name, settings in (("plain", {}), ("traced", _traced(spans, options.sample_ratio))):
                with _environment(settings):
                    stacks.append(await running.enter_async_context(Stack(Path(directory) / name)))
            bars.remove_task(starting)
            plain, traced = [await _system(stack, options.payers) for stack in stacks]
            for system in (plain, traced):
                async with timed(bars, "warming up", WARM_UP_SECONDS):
                    await system.drive(WARM_UP_SECONDS, options.concurrency)
            load_average, meter = os.getloadavg()[0], CpuMeter({"sink": spans.pid})
            meter.start()
            for number in range(options.rounds):
                # Each goes first every other time: whatever gets slower or faster meanwhile does so for both.
                for system in (plain, traced) if number % 2 == 0 else (traced, plain):
                    async with timed(bars, f"measuring, round {number + 1}", options.seconds):
                        await system.measure(options.seconds, options.concurrency)
            sink_cpu = meter.stop()["sink"]
        return _report(options, plain, traced, load_average, await asyncio.to_thread(spans.count), sink_cpu)


async def _system(stack: Stack, number: int) -> _System:
    secrets = stack.parts.secrets
    async with LedgerLink(stack.url) as gateway:
        operator = (secrets.operator_email, secrets.operator_password)
        return _System(stack, payments(await make_payers(gateway, operator, number, lambda: None)))


def _report(
    options: Options, plain: _System, traced: _System, load_average: float, spans: int, sink_cpu: float
) -> TracingReport:
    without, with_tracing = side(plain.rounds, plain.cpu), side(traced.rounds, traced.cpu)
    each = ratios(plain.rounds, traced.rounds)
    return TracingReport(
        sample_ratio=options.sample_ratio,
        concurrency=options.concurrency,
        load_average=round(load_average, 2),
        without=without,
        with_tracing=with_tracing,
        throughput_ratios=each,
        throughput_ratio=middle(each),
        cpu_ratio=round(with_tracing.cpu_ms_each / without.cpu_ms_each, 3) if without.cpu_ms_each else 0.0,
        spans=spans,
        sink_cpu_seconds=round(sink_cpu, 2),
    )


def _traced(spans: Sink, sample_ratio: float) -> Mapping[str, str]:
    processes = [process.upper() for process in (*SERVICES, "gateway")]
    endpoints = {f"{process}_OTLP_ENDPOINT": spans.url for process in processes}
    return endpoints | {f"{process}_TRACE_SAMPLE_RATIO": str(sample_ratio) for process in processes}


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Let processes that start meanwhile inherit settings."""
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
