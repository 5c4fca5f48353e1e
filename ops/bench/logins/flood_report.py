"""What a run of the bench of a flood says: how long all else takes without it and beside it."""

from collections.abc import Mapping
from typing import TypeAlias

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from ops.bench.edge.load import Measured
from ops.bench.percentile import percentile

Disturbed: TypeAlias = Mapping[str, Measured]
"""What was measured beside the logins, by what it is."""


class Times(BaseModel):
    """How long requests took, in milliseconds from their scheduled instant."""

    answered: int
    p50_ms: float
    p99_ms: float
    errors: dict[str, int]


class Row(BaseModel):
    """One kind of request, without the flood and beside it."""

    kind: str
    quiet: Times
    flooded: Times


class FloodReport(BaseModel):
    """One run. `capacity` is how many passwords a second Argon2 alone verifies, `came` what came of the logins."""

    capacity: float
    flood_per_second: float
    came: dict[str, int]
    rows: list[Row]

    @property
    def as_expected(self) -> bool:
        """Whether all else was answered without the flood and beside it, and nothing of it failed."""
        return all(times.answered and not times.errors for row in self.rows for times in (row.quiet, row.flooded))


def flood_report(capacity: float, came: Measured, quiet: Disturbed, flooded: Disturbed) -> FloodReport:
    """Turn what was measured into a report."""
    answers = dict(came.errors) | ({"201": len(came.latencies)} if came.latencies else {})
    return FloodReport(
        capacity=round(capacity, 1),
        flood_per_second=round(sum(answers.values()) / came.seconds, 1),
        came=answers,
        rows=[Row(kind=kind, quiet=_times(quiet[kind]), flooded=_times(flooded[kind])) for kind in quiet],
    )


def _times(measured: Measured) -> Times:
    latencies = sorted(measured.latencies) or [0.0]
    return Times(
        answered=len(measured.latencies),
        p50_ms=round(percentile(latencies, 0.5) * 1000, 1),
        p99_ms=round(percentile(latencies, 0.99) * 1000, 1),
        errors=dict(measured.errors),
    )


def show(console: Console, report: FloodReport) -> None:
    """Print the report as a table."""
    times = report.flood_per_second / report.capacity
    title = f"Beside {report.flood_per_second:,.0f} logins a second, {times:.1f} times what can be hashed"
    table = Table(title=title, title_justify="left")
    table.add_column("kind", no_wrap=True)
    for heading in ("p50 ms", "p99 ms", "p50 ms beside", "p99 ms beside", "errors", "errors beside"):
        table.add_column(heading, justify="right")
    for row in report.rows:
        figures = (row.quiet.p50_ms, row.quiet.p99_ms, row.flooded.p50_ms, row.flooded.p99_ms)
        errors = (_told(row.quiet.errors), _told(row.flooded.errors))
        table.add_row(row.kind, *(f"{value:,.1f}" for value in figures), *errors)
    console.print(table)
    console.print(f"Of the logins came: {_told(report.came)}.")


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items())) or "none"
