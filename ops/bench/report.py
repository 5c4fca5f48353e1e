"""What a run of the bench says: throughput, latency, CPU by process, errors, and whether the books balance."""

import statistics
from collections.abc import Mapping

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from ops.bench.load import Outcomes


class BenchReport(BaseModel):
    """One run. Latencies in milliseconds from the request (or its scheduled instant) to the settled payment."""

    seconds: float
    rate: float | None
    concurrency: int | None
    settled: int
    per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: dict[str, int]
    cpu_seconds: dict[str, float]
    cpu_ms_per_payment: float
    books_balance: bool
    findings: list[str]


def summarise(
    outcomes: Outcomes, rate: float | None, concurrency: int, cpu: Mapping[str, float], findings: list[str]
) -> BenchReport:
    """Turn what was measured into a report. A run without a settled payment has latencies of 0."""
    latencies = sorted(outcomes.latencies) or [0.0]
    settled = len(outcomes.latencies)
    return BenchReport(
        seconds=round(outcomes.seconds, 2),
        rate=rate,
        concurrency=None if rate else concurrency,
        settled=settled,
        per_second=round(settled / outcomes.seconds, 1),
        p50_ms=_milliseconds(statistics.median(latencies)),
        p99_ms=_milliseconds(latencies[int(len(latencies) * 0.99)] if len(latencies) > 1 else latencies[0]),
        max_ms=_milliseconds(latencies[-1]),
        errors=dict(outcomes.errors),
        cpu_seconds={name: round(seconds, 2) for name, seconds in cpu.items()},
        cpu_ms_per_payment=round(sum(cpu.values()) * 1000 / max(1, settled), 2),
        books_balance=not findings,
        findings=findings,
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def show(console: Console, report: BenchReport) -> None:
    """Print the report as tables."""
    load = f"{report.rate:g} payments/s on schedule" if report.rate else f"{report.concurrency} at a time"
    table = Table(title=f"Payments over HTTP, {report.seconds:g} s, {load}", title_justify="left")
    for heading in ("payments", "payments/s", "p50", "p99", "max", "errors", "books"):
        table.add_column(heading, justify="right")
    errors = ", ".join(f"{name}: {count}" for name, count in report.errors.items()) or "none"
    table.add_row(
        f"{report.settled:,}",
        f"{report.per_second:,.1f}",
        f"{report.p50_ms:.1f} ms",
        f"{report.p99_ms:.1f} ms",
        f"{report.max_ms:.1f} ms",
        errors,
        "[green]balance[/green]" if report.books_balance else f"[red]{'; '.join(report.findings)}[/red]",
    )
    console.print(table)
    console.print(_cpu_table(report))


def _cpu_table(report: BenchReport) -> Table:
    table = Table(title=f"CPU: {report.cpu_ms_per_payment:.2f} ms per payment", title_justify="left")
    for heading in ("process", "CPU s", "of a core", "ms per payment", ""):
        table.add_column(heading, justify="left" if heading in {"process", ""} else "right")
    total = sum(report.cpu_seconds.values()) or 1.0
    for name, seconds in sorted(report.cpu_seconds.items(), key=lambda item: -item[1]):
        table.add_row(
            name,
            f"{seconds:.2f}",
            f"{100 * seconds / report.seconds:.0f} %",
            f"{1000 * seconds / max(1, report.settled):.2f}",
            "█" * round(40 * seconds / total),
        )
    return table
