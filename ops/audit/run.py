"""Runs the audit: slice after slice, with a bar for each part of the ledger on standard error."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from apps.wallet.audit.books import SLICE, WALKS, currencies
from apps.wallet.audit.walk import Finding, Walk
from ops.audit.databases import Databases
from ops.audit.payments import count_payments, prove_effects, prove_single_effects
from ops.audit.report import FINDINGS, AuditReport, CurrencyLine, FindingLine
from ops.read_only import read_only
from outbox.database import Reads

STATEMENT_SECONDS = 900.0


@dataclass
class _Tally:
    """What was proved and found so far; memory is bounded by `FINDINGS`."""

    proved: dict[str, int] = field(default_factory=dict)
    payments: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    total: int = 0

    def add(self, part: str, rows: int, findings: Sequence[Finding]) -> None:
        self.proved[part] = self.proved.get(part, 0) + rows
        self.total += len(findings)
        self.findings += findings[: FINDINGS - len(self.findings)]


async def run_audit(databases: Databases, rows: int = SLICE) -> AuditReport:
    """Prove everything, `rows` rows at a time. Raises OSError or asyncpg.PostgresError when a database is away."""
    started, tally = time.monotonic(), _Tally()
    async with read_only(databases.ledger, STATEMENT_SECONDS) as connection:
        ledger = Reads(connection)
        with _bars() as bars:
            for walk in WALKS:
                await _walk(walk, ledger, rows, tally, bars)
            if databases.payments:
                await _prove_payments(databases.payments, ledger, tally, bars)
        sums = [CurrencyLine(currency=c.currency, accounts=c.accounts, total=c.total) for c in await currencies(ledger)]
    return AuditReport(
        balanced=not tally.total,
        seconds=round(time.monotonic() - started, 1),
        currencies=sums,
        proved=tally.proved,
        payments=tally.payments,
        findings=[FindingLine(place=f.place, claim=f.claim) for f in tally.findings],
        findings_total=tally.total,
    )


def _bars() -> Progress:
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)


async def _walk(walk: Walk, ledger: Reads, rows: int, tally: _Tally, bars: Progress) -> None:
    span = await walk.begin(ledger)
    tally.add(walk.name, 0, ())
    task = bars.add_task(walk.name, total=await walk.size(ledger) if span else 0)
    while span is not None:
        step = await walk.step(ledger, span, rows)
        tally.add(walk.name, step.rows, step.findings)
        bars.advance(task, step.rows)
        span = step.left


async def _prove_payments(url: str, ledger: Reads, tally: _Tally, bars: Progress) -> None:
    async with read_only(url, STATEMENT_SECONDS) as connection:
        payments = Reads(connection)
        tally.payments, stuck = await count_payments(payments)
        task = bars.add_task("payments", total=sum(tally.payments.values()))
        tally.add("payments", 0, stuck)
        async for compared, findings in prove_effects(payments, ledger):
            tally.add("payments", compared, findings)
            bars.advance(task, compared)
        task = bars.add_task("payments' transfers", total=tally.proved["transfers"])
        async for compared, findings in prove_single_effects(ledger, payments):
            tally.add("payments' transfers", compared, findings)
            bars.advance(task, compared)
