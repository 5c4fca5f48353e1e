"""One run of the bench of payments: a stack of its own, each kind of request in turn, and the audit at the end."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from apps.sandbox_processor.settings import SandboxProcessorSettings
from ledgerlink_client import LedgerLink
from ops.bench.asks import payments, refunds
from ops.bench.books import Answered, findings
from ops.bench.cpu import CpuMeter
from ops.bench.kinds import Kind
from ops.bench.load import Ask, Outcomes, Payer, drive
from ops.bench.progress import progress_bars, timed
from ops.bench.report import BenchReport, KindReport, summarise
from ops.bench.setup import make_payers
from ops.stack.sandbox_processor import PREFIX
from ops.stack.stack import Stack

WARM_UP_SECONDS = 3.0


@dataclass(frozen=True)
class Options:
    """What is asked for: each kind for `seconds`, on schedule with a `rate` a second, else `concurrency` at a time."""

    kinds: Sequence[Kind]
    seconds: float
    rate: float | None
    concurrency: int
    payers: int


async def run(options: Options) -> BenchReport:
    """Start a stack of its own in a temporary directory, ask, and audit the books. Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory, progress_bars() as bars:
        starting = bars.add_task("starting the servers", total=None)
        async with Stack(Path(directory) / "data") as stack, LedgerLink(stack.url) as gateway:
            bars.remove_task(starting)
            users = bars.add_task("making the users", total=options.payers)
            secrets = stack.parts.secrets
            operator = (secrets.operator_email, secrets.operator_password)
            payers = await make_payers(gateway, operator, options.payers, lambda: bars.advance(users))
            measured = _Run(options, stack, bars, payers)
            runs = [await measured.report(kind) for kind in Kind if kind in options.kinds]
            bars.stop()  # the audit has bars of its own
            wrong = await findings(stack, measured.answered())
            latency = _latency(stack)
    return BenchReport(
        rate=options.rate,
        concurrency=None if options.rate else options.concurrency,
        processor_latency_ms=latency,
        runs=runs,
        books_balance=not wrong,
        findings=wrong,
    )


class _Run:
    def __init__(self, options: Options, stack: Stack, bars: Progress, payers: Sequence[Payer]) -> None:
        self._options, self._stack, self._bars, self._payers = options, stack, bars, payers
        self._warm: dict[Kind, Outcomes] = {}
        self._measured: dict[Kind, Outcomes] = {}

    async def report(self, kind: Kind) -> KindReport:
        """Warm up, measure, and report. What is to be refunded is paid first, if it was not yet."""
        if kind.refunded and kind.refunded not in self._measured:
            await self.report(kind.refunded)
        self._warm[kind] = await self._driven(kind, "warming up", WARM_UP_SECONDS, self._warm)
        pids = {name: self._stack.pid(name) for name in self._stack.supervisor.names if name != "migrate"}
        meter = CpuMeter(pids | {"load generator": os.getpid()})
        meter.start()
        self._measured[kind] = await self._driven(kind, "measuring", self._options.seconds, self._measured)
        return summarise(kind, self._measured[kind], meter.stop())

    def answered(self) -> Answered:
        """Return how many payments and how many refunds the clients saw succeed."""
        done = [(k.refunded, len(o.settled)) for part in (self._warm, self._measured) for k, o in part.items()]
        return Answered(sum(n for refunded, n in done if not refunded), sum(n for refunded, n in done if refunded))

    async def _driven(self, kind: Kind, what: str, seconds: float, before: dict[Kind, Outcomes]) -> Outcomes:
        async with timed(self._bars, f"{kind}: {what}", seconds):
            asks = self._asks(kind, before)
            return await drive(self._stack.url, asks, seconds, self._options.rate, self._options.concurrency)

    def _asks(self, kind: Kind, before: dict[Kind, Outcomes]) -> Iterator[Ask]:
        return refunds(before[kind.refunded].settled) if kind.refunded else payments(self._payers, kind)


def _latency(stack: Stack) -> float:
    """Return how many milliseconds the sandbox processor takes to answer, on average, as it was told."""
    told = stack.parts.environments.sandbox_processor().get(f"{PREFIX}LATENCY_MS")
    return float(told or SandboxProcessorSettings.model_fields["latency_ms"].default)
