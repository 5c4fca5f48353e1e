"""What a run of the bench of the edge says: requests a second, latency, and the CPU that each one takes."""

from collections.abc import Mapping

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from ops.bench.edge.kinds import Kind
from ops.bench.edge.load import Measured
from ops.bench.percentile import percentile


class KindReport(BaseModel):
    """One kind of request. `per_core` is how many a second one core would serve, by the CPU that each one takes."""

    kind: Kind
    seconds: float
    answered: int
    per_second: float
    per_core: float
    p50_ms: float
    p99_ms: float
    errors: dict[str, int]
    cpu_ms_each: dict[str, float]


class EdgeReport(BaseModel):
    """One run, `at_a_time` requests under way; `load_average` is the machine's before it."""

    at_a_time: int
    load_average: float
    runs: list[KindReport]

    @property
    def as_expected(self) -> bool:
        """Whether requests of each kind were answered, and none failed."""
        return all(run.answered and not run.errors for run in self.runs)


def summarise(kind: Kind, measured: Measured, cpu: Mapping[str, float]) -> KindReport:
    """Turn what was measured into a report; `cpu` are seconds by process."""
    latencies = sorted(measured.latencies) or [0.0]
    answered = len(measured.latencies)
    each = {name: seconds * 1000 / max(1, answered) for name, seconds in cpu.items()}
    return KindReport(
        kind=kind,
        seconds=round(measured.seconds, 2),
        answered=answered,
        per_second=round(answered / measured.seconds, 1),
        per_core=round(1000 / sum(each.values()), 1) if answered else 0.0,
        p50_ms=round(percentile(latencies, 0.5) * 1000, 1),
        p99_ms=round(percentile(latencies, 0.99) * 1000, 1),
        errors=dict(measured.errors),
        cpu_ms_each={name: round(milliseconds, 3) for name, milliseconds in each.items()},
    )


def show(console: Console, report: EdgeReport) -> None:
    """Print the report as tables."""
    title = f"The edge, {report.at_a_time} at a time, load average {report.load_average:g}"
    table = Table(title=title, title_justify="left")
    table.add_column("kind", no_wrap=True)
    for heading in ("answered", "per s", "per s and core", "p50 ms", "p99 ms", "errors"):
        table.add_column(heading, justify="right")
    for run in report.runs:
        errors = ", ".join(f"{name}: {count}" for name, count in run.errors.items()) or "none"
        figures = (f"{value:,.1f}" for value in (run.per_second, run.per_core, run.p50_ms, run.p99_ms))
        table.add_row(run.kind, f"{run.answered:,}", *figures, errors)
    console.print(table)
    processes = Table(title="CPU of each request, in ms", title_justify="left")
    processes.add_column("process", no_wrap=True)
    for run in report.runs:
        processes.add_column(run.kind, justify="right")
    for name in sorted(report.runs[0].cpu_ms_each, key=lambda name: -report.runs[0].cpu_ms_each[name]):
        processes.add_row(name, *(f"{run.cpu_ms_each[name]:.2f}" for run in report.runs))
    console.print(processes)
