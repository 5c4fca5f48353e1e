"""What the bench of rate limits says: whether the count is exact, and what one check costs."""

from collections import Counter

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

AIM_MS = 1.0
"""The 99th percentile of one check that is aimed at."""


class Latency(BaseModel):
    """How long checks took, in milliseconds."""

    p50_ms: float
    p99_ms: float
    max_ms: float


class Cost(BaseModel):
    """What checks cost: `gateway_cpu_us` is the CPU of one check in the process that asks, in microseconds."""

    seconds: float
    per_second: float
    latency: Latency
    gateway_cpu_us: float
    valkey_cpu_us: float


class LimiterReport(BaseModel):
    """One run. Each policy in `admitted` was to admit exactly `allowed`."""

    checks: int
    processes: int
    concurrency: int
    load_average: float
    allowed: int
    admitted: dict[str, int]
    alone: Cost
    loaded: Cost

    @property
    def as_expected(self) -> bool:
        """Whether not one too many was admitted, and not one too few."""
        return set(self.admitted.values()) == {self.allowed}


def latency(microseconds: Counter[int]) -> Latency:
    """Summarise how many checks took how long; nearest rank, nothing measured is all 0."""
    return Latency(
        p50_ms=_rank(microseconds, 0.5) / 1000,
        p99_ms=_rank(microseconds, 0.99) / 1000,
        max_ms=max(microseconds, default=0) / 1000,
    )


def _rank(microseconds: Counter[int], share: float) -> int:
    rank = int(microseconds.total() * share)
    for value in sorted(microseconds):
        rank -= microseconds[value]
        if rank < 0:
            return value
    return max(microseconds, default=0)


def show(console: Console, report: LimiterReport) -> None:
    """Print the report."""
    together = report.processes * report.concurrency
    title = (
        f"Rate limits: {report.checks:,} checks by {report.processes} processes, load average {report.load_average:g}"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("checks", no_wrap=True)
    for heading in ("per s", "p50 ms", "p99 ms", "max ms", "CPU µs, gateway", "CPU µs, Valkey"):
        table.add_column(heading, justify="right")
    for name, cost in (("one at a time", report.alone), (f"{together} at a time", report.loaded)):
        times = (f"{value:,.3f}" for value in (cost.latency.p50_ms, cost.latency.p99_ms, cost.latency.max_ms))
        table.add_row(
            name, f"{cost.per_second:,.0f}", *times, f"{cost.gateway_cpu_us:.1f}", f"{cost.valkey_cpu_us:.1f}"
        )
    console.print(table)
    met = "[green]met[/green]" if report.alone.latency.p99_ms <= AIM_MS else "[red]missed[/red]"
    console.print(f"aim: p99 of one check at most {AIM_MS:g} ms: {met}")
    for name, admitted in report.admitted.items():
        verdict = "[green]exact[/green]" if admitted == report.allowed else "[red]wrong[/red]"
        console.print(f"the policy {name} allows {report.allowed:,}, and has admitted {admitted:,}: {verdict}")
