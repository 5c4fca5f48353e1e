"""One run of the ledger's bench, from an empty directory to a report."""

import os
import tempfile
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from ops.bench.books import ledger_findings
from ops.bench.ledger.commands import Payments, make_customers
from ops.bench.ledger.grown import copy_of_the_ledger, grow, url_of_the_copy
from ops.bench.ledger.pgledger import CLIENTS, PgLedgerDatabase
from ops.bench.ledger.reads import Reader
from ops.bench.ledger.report import Growth, LedgerReport, PgLedger, PgLedgerRun, Throughput, latency
from ops.bench.ledger.rounds import Measure
from ops.bench.ledger.single import measure_singles
from ops.bench.ledger.teller import Teller, teller_at
from ops.bench.progress import progress_bars
from ops.stack.postgres import Postgres
from ops.stack.stack import Stack
from outbox.garbage import collect_rarely
from outbox.tracing import set_up_tracing

PROCESSES = ("postgres", "nats", "migrate", "provisioner", "wallet")
SINGLES = 300
SINGLE_CUSTOMERS = 100
READS = 2_000
TURNS = 4
_WARM_UP_SHARE = 0.2
_WARM_UP_TRANSFERS = 4
_ENTRIES = "SELECT 2 * sequence FROM ledger"
_HOW_TO_COMPARE = "give --pgledger a checkout of https://github.com/pgr0ss/pgledger"


@dataclass(frozen=True)
class Options:
    """What is asked for. `batch` None: the service's own; `entries` None: no grown ledger; `seconds` a measurement."""

    accounts: int
    hot: bool
    batch: int | None
    seconds: float
    entries: int | None
    pgledger: Path | None


async def run(options: Options) -> LedgerReport:
    """Start servers of its own in a temporary directory, measure, audit. Raises StackError."""
    collect_rarely()  # as the service does, and so is the tracing its default
    set_up_tracing("wallet", sample_ratio=0.0)
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory, progress_bars() as bars:
        starting = bars.add_task("starting the servers", total=None)
        async with Stack(Path(directory) / "data", only=PROCESSES) as stack:
            bars.remove_task(starting)
            return await _Run(options, stack, bars).report()


class _Run:
    def __init__(self, options: Options, stack: Stack, bars: Progress) -> None:
        self._options, self._stack, self._bars = options, stack, bars
        self._customers = make_customers(options.accounts)
        self._findings: list[str] = []

    async def report(self) -> LedgerReport:
        """Measure all that is asked for, one after the other, on servers that do nothing else meanwhile."""
        options = self._options
        load_average = os.getloadavg()[0]
        singles = await self._singles()
        await self._stop_the_service()
        growth = await self._growth() if options.entries else None
        async with self._teller() as teller:
            uniform = await self._throughput(teller, hot=False)
            hot = await self._throughput(teller, hot=True) if options.hot else None
        await self._audit(self._postgres.service_url("wallet"))
        return LedgerReport(
            accounts=options.accounts,
            load_average=round(load_average, 2),
            single=latency(singles),
            uniform=uniform,
            hot=hot,
            pgledger=await self._pgledger(uniform, hot),
            growth=growth,
            books_balance=not self._findings,
            findings=self._findings,
        )

    async def _singles(self) -> list[float]:
        """Time transfers between the first customers, while the system is idle otherwise."""
        task = self._bars.add_task("single transfers", total=None)
        few = self._customers[:SINGLE_CUSTOMERS]
        async with self._teller() as teller:
            await teller.open_and_fund(few)
        measured = await measure_singles(self._stack, Payments(few, hot=False), SINGLES, self._options.seconds)
        self._bars.remove_task(task)
        return measured

    async def _stop_the_service(self) -> None:
        """Leave PostgreSQL alone with this process, and all accounts open and funded."""
        for process in ("wallet", "provisioner", "nats"):
            await self._stack.stop_process(process)
        task = self._bars.add_task("opening and funding", total=None)
        async with self._teller() as teller:
            await teller.open_and_fund(self._customers[SINGLE_CUSTOMERS:])
        self._bars.remove_task(task)

    async def _throughput(self, teller: Teller, *, hot: bool) -> Throughput:
        measure = self._measure(teller, hot=hot)
        seconds = self._options.seconds
        name = "one hot account" if hot else "uniform"
        task = self._bars.add_task(name, total=seconds * (1 + _WARM_UP_SHARE))
        await measure.warm_up(seconds * _WARM_UP_SHARE, lambda spent: self._bars.advance(task, spent))
        await measure.run(seconds, lambda spent: self._bars.advance(task, spent))
        self._bars.remove_task(task)
        return measure.result()

    async def _growth(self) -> Growth:
        """Measure a small and a grown ledger in turns, so that what else the machine does falls on both."""
        entries = self._options.entries or 0
        await copy_of_the_ledger(self._postgres)
        task = self._bars.add_task("growing the ledger", total=entries)
        await grow(self._postgres, entries, lambda written: self._bars.advance(task, written))
        self._bars.remove_task(task)
        url = url_of_the_copy(self._postgres)
        async with self._teller() as small, self._teller(url) as grown:
            small_entries, grown_entries = await _entries_of(small), await _entries_of(grown)
            on_small, on_grown = await self._in_turns(small, grown)
            reader = await Reader.of(grown, self._customers)
            task = self._bars.add_task("reading history", total=None)
            balances = await reader.balances(READS, self._options.seconds)
            pages = await reader.statement_pages(READS, self._options.seconds)
            self._bars.remove_task(task)
        await self._audit(url)
        return Growth(
            small_entries=small_entries,
            grown_entries=grown_entries,
            small=on_small,
            grown=on_grown,
            ratio=round(on_small.per_second / on_grown.per_second, 3),
            balance_as_of=latency(balances),
            statement_page=latency(pages),
        )

    async def _in_turns(self, small: Teller, grown: Teller) -> tuple[Throughput, Throughput]:
        measures = [self._measure(teller, hot=False) for teller in (small, grown)]
        seconds = self._options.seconds
        task = self._bars.add_task("small, grown, in turns", total=2 * seconds * (1 + _WARM_UP_SHARE))
        # Until nearly every account has moved: what it touches first after a checkpoint is written into the log whole.
        transfers = _WARM_UP_TRANSFERS * self._options.accounts
        for measure in measures:
            await measure.warm_up(seconds * _WARM_UP_SHARE, lambda spent: self._bars.advance(task, spent), transfers)
        for turn in range(TURNS):
            for measure in measures if turn % 2 == 0 else reversed(measures):
                await measure.run(seconds / TURNS, lambda spent: self._bars.advance(task, spent))
        self._bars.remove_task(task)
        return measures[0].result(), measures[1].result()

    async def _pgledger(self, uniform: Throughput, hot: Throughput | None) -> PgLedger:
        if self._options.pgledger is None:
            return PgLedger(skipped=_HOW_TO_COMPARE)
        database = PgLedgerDatabase(self._postgres)
        task = self._bars.add_task("pgledger", total=None)
        await database.make(self._options.pgledger, self._options.accounts)
        theirs = PgLedger(clients=CLIENTS, uniform=await self._against(database, uniform, hot=False))
        if hot is not None:
            theirs.hot = await self._against(database, hot, hot=True)
        self._bars.remove_task(task)
        return theirs

    async def _against(self, database: PgLedgerDatabase, ours: Throughput, *, hot: bool) -> PgLedgerRun:
        accounts, seconds = self._options.accounts, self._options.seconds
        await database.time(accounts, seconds * _WARM_UP_SHARE, hot=hot)
        rate = await database.time(accounts, seconds, hot=hot)
        return PgLedgerRun(
            per_second=round(rate.per_second, 1),
            latency_ms=round(rate.latency_ms, 2),
            ratio=round(ours.per_second / rate.per_second, 2),
        )

    async def _audit(self, url: str) -> None:
        task = self._bars.add_task("auditing the books", total=None)
        self._findings += await ledger_findings(url)
        self._bars.remove_task(task)

    def _measure(self, teller: Teller, *, hot: bool) -> Measure:
        return Measure(teller, Payments(self._customers, hot=hot), self._stack.pid("postgres"))

    def _teller(self, url: str | None = None) -> AbstractAsyncContextManager[Teller]:
        environment = self._stack.parts.environments.service("wallet")
        return teller_at(url or self._postgres.service_url("wallet"), environment, self._options.batch)

    @property
    def _postgres(self) -> Postgres:
        return self._stack.parts.postgres


async def _entries_of(teller: Teller) -> int:
    return int(await teller.service.database.pool.fetchval(_ENTRIES))
