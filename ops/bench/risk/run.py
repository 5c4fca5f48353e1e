"""One run of the bench of risk: a stack of its own without payments, whose part the bench plays."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.progress import Progress

from apps.risk.domain.change_control import Activation, Life
from apps.risk.store import rule_sets
from apps.risk.store.rule_sets import NewRuleSet
from contracts.risk import RuleSetStatus
from ops.bench.cpu import CpuMeter
from ops.bench.percentile import percentile
from ops.bench.progress import progress_bars, timed
from ops.bench.risk.asker import Asked, Asker
from ops.bench.risk.in_time import LateAnswers
from ops.bench.risk.report import Phase, RiskReport
from ops.bench.risk.requests import Requests
from ops.bench.rule_sets import fifty_rules
from ops.stack.stack import Stack
from outbox.connection import connect
from outbox.database import Database
from outbox.garbage import collect_rarely
from outbox.settings import BrokerSettings
from outbox.transaction import Spoken, Transactions

PROCESSES = ("postgres", "nats", "migrate", "provisioner", "risk")
PACED = 200
BURSTS = (100, 300, 1_000)
_SENDER = "payments"
_WARM_UP_SECONDS = 3.0
_LAST_SECONDS = 30.0
"""How long the last decisions may take before they count as lost."""
_TICK = 0.005


@dataclass(frozen=True)
class Options:
    """What is asked for: so many payers, seconds for each load, and requests under way at once in the first."""

    payers: int
    seconds: float
    concurrency: int


async def run(options: Options) -> RiskReport:
    """Start servers of its own in a temporary directory, and measure. Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory, progress_bars() as bars:
        starting = bars.add_task("starting the servers", total=None)
        async with Stack(Path(directory) / "data", only=PROCESSES) as stack:
            await _activate_rules(stack.parts.postgres.service_url("risk"))
            bars.remove_task(starting)
            collect_rarely()
            async with _asker(stack, options) as asker:
                return await _Run(options, stack, asker, bars).report()


class _Run:
    def __init__(self, options: Options, stack: Stack, asker: Asker, bars: Progress) -> None:
        self._options, self._asker, self._bars = options, asker, bars
        self._cpu = CpuMeter({name: stack.pid(name) for name in ("risk", "postgres", "nats")} | {"bench": os.getpid()})
        self._late = LateAnswers(stack.parts.ports["risk"])
        self._answer_seconds = float(os.environ.get("RISK_ANSWER_SECONDS", "0.05"))
        self._lost = 0

    async def report(self) -> RiskReport:
        """Measure as many as go, a steady load, and bursts, one after the other."""
        options, load_average = self._options, os.getloadavg()[0]
        await self._phase("warming up", lambda: self._as_many_as_go(_WARM_UP_SECONDS), _WARM_UP_SECONDS)
        full = f"as many as go, {options.concurrency} at once"
        phases = [
            await self._phase(full, lambda: self._as_many_as_go(options.seconds), options.seconds),
            await self._phase(f"{PACED}/s", lambda: self._paced(options.seconds), options.seconds),
            *[await self._phase(f"a burst of {number:,}", partial(self._asker.ask, number), None) for number in BURSTS],
        ]
        return RiskReport(
            payers=options.payers,
            rules=len(fifty_rules().rules),
            answer_seconds=self._answer_seconds,
            load_average=round(load_average, 2),
            phases=phases,
            lost=self._lost,
        )

    async def _phase(self, name: str, load: Callable[[], Awaitable[None]], seconds: float | None) -> Phase:
        self._asker.decided.clear()
        self._cpu.start()
        await self._late.start()
        began = time.perf_counter()
        async with timed(self._bars, name, seconds or 1.0):
            await load()
            await self._asker.fewer_than(1, time.perf_counter() + _LAST_SECONDS)
        self._lost += self._asker.waiting
        await asyncio.sleep(2 * self._answer_seconds)  # for the service to count the last ones
        return self._measured(name, self._asker.decided_at - began, self._cpu.stop(), await self._late.stop())

    def _measured(self, name: str, seconds: float, cpu: dict[str, float], late: int) -> Phase:
        decided = list[Asked](self._asker.decided)
        latencies = sorted(asked.answered - asked.sent for asked in decided)
        return Phase(
            name=name,
            seconds=round(seconds, 2),
            decisions=len(decided),
            per_second=round(len(decided) / seconds, 1),
            p50_ms=round(percentile(latencies, 0.5) * 1000, 2),
            p99_ms=round(percentile(latencies, 0.99) * 1000, 2),
            max_ms=round(latencies[-1] * 1000, 2),
            degraded=sum(asked.degraded for asked in decided),
            late=late,
            cpu_seconds={process: round(spent, 2) for process, spent in cpu.items()},
        )

    async def _as_many_as_go(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        most = self._options.concurrency
        while time.perf_counter() < end and await self._asker.fewer_than(most, end):
            await self._asker.ask(most - self._asker.waiting)

    async def _paced(self, seconds: float) -> None:
        """Send at even intervals, whatever the answers do."""
        began, sent = time.perf_counter(), 0
        async with asyncio.TaskGroup() as asking:
            while (now := time.perf_counter() - began) < seconds:
                while sent < now * PACED:
                    asking.create_task(self._asker.ask())
                    sent += 1
                await asyncio.sleep(_TICK)


@asynccontextmanager
async def _asker(stack: Stack, options: Options) -> AsyncIterator[Asker]:
    settings = BrokerSettings(nats_url=stack.parts.nats.url, nats_seed=stack.parts.secrets.nats_seeds[_SENDER])
    nc = await connect(settings, _SENDER)
    try:
        asker = Asker(nc, Requests(options.payers))
        await asker.listen()
        yield asker
    finally:
        await nc.close()


async def _activate_rules(url: str) -> None:
    """Make the bench's rules the active ones, as two people would."""
    database = Database(url, 2)
    await database.open()
    try:
        async with Transactions(database, "risk", _say_nothing).begin() as tx:
            rules, now = fifty_rules(), datetime.now(UTC)
            await rule_sets.save(tx, NewRuleSet(rules, None, now))
            life = Life.begun((rules.name, rules.hash), None, now).then(RuleSetStatus.ACTIVE, None, now)
            await rule_sets.save_changes(tx, [(life, 2)])
            await rule_sets.save_activation(tx, Activation(rules.hash, None), None)
    finally:
        await database.close()


async def _say_nothing(_spoken: Spoken) -> None:
    """Tell nobody: the service looks for what is active itself."""
