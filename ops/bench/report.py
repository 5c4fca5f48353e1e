"""What a run of the bench says: throughput, latency, CPU by process, errors, and whether the books balance."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from ops.bench.kinds import Kind
from ops.bench.load import Outcomes
from ops.bench.percentile import percentile


class KindReport(BaseModel):
    """One kind of request. Latencies in milliseconds from the request (or its scheduled instant) to its success."""

    kind: Kind
    seconds: float
    settled: int
    per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: dict[str, int]
    cpu_seconds: dict[str, float]
    cpu_ms_each: float


class BenchReport(BaseModel):
    """One run. `processor_latency_ms` is how long the sandbox processor makes its clients wait on average."""

    rate: float | None
    concurrency: int | None
    processor_latency_ms: float
    runs: list[KindReport]
    books_balance: bool
    findings: list[str]

    @property
    def as_expected(self) -> bool:
        """Whether money of each kind has moved, and the books balance."""
        return self.books_balance and all(run.settled for run in self.runs)


def summarise(kind: Kind, outcomes: Outcomes, cpu: Mapping[str, float]) -> KindReport:
    """Turn what was measured into a report. A run in which nothing was settled has latencies of 0."""
    latencies = sorted(outcomes.latencies) or [0.0]
    settled = len(outcomes.latencies)
    return KindReport(
        kind=kind,
        seconds=round(outcomes.seconds, 2),
        settled=settled,
        per_second=round(settled / outcomes.seconds, 1),
        p50_ms=_milliseconds(percentile(latencies, 0.5)),
        p99_ms=_milliseconds(percentile(latencies, 0.99)),
        max_ms=_milliseconds(latencies[-1]),
        errors=dict(outcomes.errors),
        cpu_seconds={name: round(seconds, 2) for name, seconds in cpu.items()},
        cpu_ms_each=round(sum(cpu.values()) * 1000 / max(1, settled), 2),
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def show(console: Console, report: BenchReport) -> None:
    """Print the report as tables."""
    load = f"{report.rate:g} a second on schedule" if report.rate else f"{report.concurrency} at a time"
    table = Table(title=f"Payments over HTTP, {load}", title_justify="left")
    table.add_column("kind", no_wrap=True)
    for heading in ("settled", "per s", "p50 ms", "p99 ms", "max ms", "errors"):
        table.add_column(heading, justify="right")
    for run in report.runs:
        times = (f"{value:,.1f}" for value in (run.p50_ms, run.p99_ms, run.max_ms))
        errors = ", ".join(f"{name}: {count}" for name, count in run.errors.items()) or "none"
        table.add_row(run.kind, f"{run.settled:,}", f"{run.per_second:,.1f}", *times, errors)
    console.print(table)
    console.print(_cpu_table(report.runs))
    if any(run.kind.at_a_processor for run in report.runs):
        console.print(f"The sandbox processor takes {report.processor_latency_ms:g} ms to answer, on average.")
    for finding in report.findings:
        console.print(finding, style="red", markup=False)
    if report.books_balance:
        console.print("[green]The books balance, and every payment and refund is final.[/green]")


def _cpu_table(runs: Sequence[KindReport]) -> Table:
    """Draw what each process takes for one request of each kind, and how much of a core all of them had."""
    table = Table(title="CPU of each request, in ms", title_justify="left", show_footer=True)
    table.add_column("process", footer="all\nof one core", no_wrap=True)
    for run in runs:
        of_a_core = sum(run.cpu_seconds.values()) / run.seconds
        table.add_column(run.kind, justify="right", footer=f"{run.cpu_ms_each:.2f}\n{of_a_core:.0%}")
    for name in sorted(runs[0].cpu_seconds, key=lambda name: -runs[0].cpu_seconds[name]):
        table.add_row(name, *(f"{1000 * run.cpu_seconds[name] / max(1, run.settled):.2f}" for run in runs))
    return table
