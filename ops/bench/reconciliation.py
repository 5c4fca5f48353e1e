"""Uploads a statement of many lines over HTTP and waits until it is matched, on servers that do nothing else."""

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import httpx
import psutil
from pydantic import BaseModel
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.ids import new_id
from ledgerlink_client import LedgerLink
from ops.bench.cpu import CpuMeter
from ops.bench.progress import progress_bars
from ops.stack.postgres import Postgres
from ops.stack.stack import Stack

DAYS = 31
SECONDS = 900.0
PIECE = 500
PROCESSES = ("gateway", "nats", "wallet", "postgres")
SAMPLE_SECONDS = 0.5
_REFERENCE = "01990f3e-0000-7000-8000-"
# Of every thousand entries the statement lacks one, and has another that the books lack; one has another amount, ten no
# reference, ten a later day, and ten are shown as five lines.
_MISSING, _WRONG, _NAMELESS, _LATE, _JOINED = 0, 1, range(2, 12), range(12, 22), range(22, 32)
_SESSION = {"session_replication_role": "replica", "synchronous_commit": "off", "timezone": "UTC"}
_TOTAL = """
CREATE TEMPORARY TABLE total AS
SELECT sum(100 + i * 7919 % 90000)::bigint AS total FROM generate_series(0, $1::bigint - 1) i
"""
_ACCOUNTS = """
INSERT INTO account (id, kind, owner, wallet, currency, floor, type, created_at, balance, last_sequence)
SELECT $1::uuid, 'clearing', NULL, NULL, 'EUR', NULL, 'asset', now(), -total, $3::bigint FROM total
UNION ALL
SELECT $2::uuid, 'wallet', $2::uuid, $2::uuid, 'EUR', 0, 'liability', now(), total, $3::bigint FROM total
"""
_TRANSFERS = """
INSERT INTO transfer (id, debit_account, credit_account, amount, currency, reference, fingerprint, sequence, posted_at,
                      effective_at, debit_balance, credit_balance)
SELECT uuidv7(), $1, $2, amount, 'EUR',
       ($3::text || lpad(to_hex(i - CASE WHEN i % 1000 BETWEEN 22 AND 31 THEN i % 2 ELSE 0 END), 12, '0'))::uuid,
       sha256(int8send(i)), i + 1, moment, moment, -running, running
FROM (SELECT i, amount, sum(amount) OVER (ORDER BY i) AS running,
             $4::timestamptz + i * (interval '31 days' / $5::float8) AS moment
      FROM (SELECT i, 100 + i * 7919 % 90000 AS amount FROM generate_series(0, $6::bigint - 1) i) t) t
"""
_HEAD = """
UPDATE ledger SET (sequence, moved_at) = (SELECT sequence, posted_at FROM transfer ORDER BY sequence DESC LIMIT 1)
"""


class ReconciliationReport(BaseModel):
    """One run. Memory in MiB: resident for gateway and wallet, private for all of PostgreSQL's processes together."""

    lines: int
    entries: int
    load_average: float
    upload_seconds: float
    matching_seconds: float
    seconds: float
    lines_per_second: float
    matched: dict[str, int]
    breaks: int
    as_expected: bool
    upload_cpu_seconds: dict[str, float]
    matching_cpu_seconds: dict[str, float]
    peak_mib: dict[str, int]


async def run(entries: int) -> ReconciliationReport:
    """Start servers of its own in a temporary directory, write the books, upload, wait. Raises StackError."""
    entries = max(1, entries // 1000) * 1000
    with tempfile.TemporaryDirectory(prefix="ledgerlink-bench-") as directory, progress_bars() as bars:
        task = bars.add_task("starting the servers", total=None)
        async with Stack(Path(directory) / "data") as stack, LedgerLink(stack.url) as gateway:
            bars.update(task, description="writing the books")
            first = datetime.now(UTC).date() - timedelta(days=DAYS)
            account = await _write_books(stack.parts.postgres, entries, first)
            bars.remove_task(task)
            email, password = stack.parts.secrets.operator_email, stack.parts.secrets.operator_password
            operator = await gateway.login(email, password.get_secret_value())
            bearer = {"Authorization": f"Bearer {operator.tokens.access_token}"}
            async with httpx.AsyncClient(base_url=stack.url, headers=bearer, timeout=SECONDS) as http:
                return await _Measured(http, bars, entries, first, account).report(stack)


class _Measured:
    def __init__(self, http: httpx.AsyncClient, bars: Progress, entries: int, first: date, account: UUID) -> None:
        self._http, self._bars = http, bars
        self._entries, self._first, self._account = entries, first, account
        self._expected: Counter[str] = Counter()

    async def report(self, stack: Stack) -> ReconciliationReport:
        load_average, peak = os.getloadavg()[0], Counter[str]()
        sampling = asyncio.create_task(_sample(_memory_of(stack), peak))
        meter = CpuMeter({name: stack.pid(name) for name in PROCESSES} | {"client": os.getpid()})
        meter.start()
        started = time.perf_counter()
        shown = await self._upload()
        uploaded = time.perf_counter()
        uploading = meter.stop()
        meter.start()
        shown = await self._matched(shown)
        ended = time.perf_counter()
        matching = meter.stop()
        sampling.cancel()
        matched = {rule["rule"]: rule["lines"] for rule in shown["matched"] if rule["lines"]}
        return ReconciliationReport(
            lines=shown["lines"],
            entries=shown["entries"],
            load_average=round(load_average, 2),
            upload_seconds=round(uploaded - started, 2),
            matching_seconds=round(ended - uploaded, 2),
            seconds=round(ended - started, 2),
            lines_per_second=round(shown["lines"] / (ended - started), 1),
            matched=matched,
            breaks=shown["breaks"],
            as_expected=matched | {"breaks": shown["breaks"]} == dict(self._expected),
            upload_cpu_seconds={name: round(seconds, 2) for name, seconds in uploading.items()},
            matching_cpu_seconds={name: round(seconds, 2) for name, seconds in matching.items()},
            peak_mib=dict(peak),
        )

    async def _upload(self) -> dict[str, Any]:
        task = self._bars.add_task("uploading", total=self._entries)
        answer = await self._http.post(
            "/v1/reconciliations",
            params={
                "account_id": str(self._account),
                "starts_on": str(self._first),
                "ends_on": str(self._first + timedelta(days=DAYS)),
            },
            headers={"Content-Type": "text/csv", "Idempotency-Key": str(new_id()), "Prefer": "respond-async"},
            content=self._pieces(lambda: self._bars.advance(task, PIECE)),
        )
        self._bars.remove_task(task)
        answer.raise_for_status()
        shown: dict[str, Any] = answer.json()
        return shown

    async def _matched(self, shown: dict[str, Any]) -> dict[str, Any]:
        task = self._bars.add_task("matching", total=None)
        async with asyncio.timeout(SECONDS):
            while shown["status"] == "matching":
                await asyncio.sleep(SAMPLE_SECONDS / 2)
                shown = (await self._http.get(f"/v1/reconciliations/{shown['id']}")).json()
        self._bars.remove_task(task)
        return shown

    async def _pieces(self, advance: Callable[[], object]) -> AsyncIterator[bytes]:
        yield b"date,amount_minor,reference,description,id\n"
        for start in range(0, self._entries, PIECE):
            rows = [row for i in range(start, min(start + PIECE, self._entries)) if (row := self._row(i))]
            yield "".join(rows).encode()
            advance()

    def _row(self, i: int) -> str:
        """Return what the statement has for one entry: usually one line."""
        place, amount = i % 1000, _amount(i)
        reference, on = f"{_REFERENCE}{i:012x}", self._first + timedelta(days=i * DAYS // self._entries)
        rule = "exact"
        if place == _MISSING:
            self._expected["breaks"] += 1
            reference, amount, rule = f"FEE-{i}", -250, "breaks"
        elif place == _WRONG:
            amount, rule = amount + 1, "breaks"
        elif place in _NAMELESS:
            reference, rule = "", "amount_and_date"
        elif place in _LATE:
            on, rule = on + timedelta(days=1), "reference"
        elif place in _JOINED:
            if i % 2:
                return ""
            amount, rule = amount + _amount(i + 1), "one_to_many"
        self._expected[rule] += 1
        return f"{on},{amount},{reference},Card payment {i},X{i}\n"


def _amount(i: int) -> int:
    return 100 + i * 7919 % 90000


async def _write_books(postgres: Postgres, entries: int, first: date) -> UUID:
    """Write transfers from a clearing account to a wallet, directly; return the clearing account."""
    url = urlunsplit(urlsplit(postgres.superuser_url())._replace(path="/wallet"))
    connection = await asyncpg.connect(url, server_settings=_SESSION)
    clearing, wallet = new_id(), new_id()
    try:
        await connection.execute(_TOTAL, entries, timeout=SECONDS)
        await connection.execute(_ACCOUNTS, clearing, wallet, entries)
        midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
        span = clearing, wallet, _REFERENCE, midnight, float(entries), entries
        await connection.execute(_TRANSFERS, *span, timeout=SECONDS)
        for statement in (_HEAD, "VACUUM ANALYZE transfer", "CHECKPOINT"):
            await connection.execute(statement, timeout=SECONDS)
    finally:
        await connection.close()
    return clearing


def _memory_of(stack: Stack) -> Callable[[], dict[str, int]]:
    """Return a measurement of memory by process, in MiB."""
    gateway, wallet = (psutil.Process(stack.pid(name)) for name in ("gateway", "wallet"))
    postgres = psutil.Process(stack.pid("postgres"))

    def measure() -> dict[str, int]:
        private = 0
        for child in [postgres, *postgres.children()]:
            try:
                private += child.memory_full_info().uss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        sizes = {"gateway": gateway.memory_info().rss, "wallet": wallet.memory_info().rss, "postgres": private}
        return {name: size // 2**20 for name, size in sizes.items()}

    return measure


async def _sample(measure: Callable[[], dict[str, int]], peak: Counter[str]) -> None:
    while True:
        peak |= Counter(await asyncio.to_thread(measure))
        await asyncio.sleep(SAMPLE_SECONDS)


def show(console: Console, report: ReconciliationReport) -> None:
    """Print the report."""
    title = f"{report.lines:,} lines against {report.entries:,} entries, load average {report.load_average:g}"
    table = Table(title=title, title_justify="left")
    for heading in ("upload", "matching", "together", "lines/s", "breaks", "memory"):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{report.upload_seconds:.1f} s",
        f"{report.matching_seconds:.1f} s",
        f"{report.seconds:.1f} s",
        f"{report.lines_per_second:,.0f}",
        f"{report.breaks:,}",
        ", ".join(f"{name} {size:,} MiB" for name, size in report.peak_mib.items()),
    )
    console.print(table)
    for phase, spent in (("upload", report.upload_cpu_seconds), ("matching", report.matching_cpu_seconds)):
        console.print(f"CPU of the {phase}: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in spent.items()))
    console.print(", ".join(f"{rule}: {count:,}" for rule, count in report.matched.items()))
    console.print("[green]as expected[/green]" if report.as_expected else "[red]not what was expected[/red]")
