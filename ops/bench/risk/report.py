"""What a run of the bench of risk says: how many decisions, how soon, and how many answers were by policy."""

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table


class Phase(BaseModel):
    """One kind of load. Latencies in milliseconds from the request to the first answer; decisions are durable ones.

    `degraded` answers came by policy at the deadline, each followed by its decision. `late` are requests whose answer
    was not in the broker's hands by the deadline, which counts from when the broker stored the request.
    """

    name: str
    seconds: float
    decisions: int
    per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    degraded: int
    late: int
    cpu_seconds: dict[str, float]


class RiskReport(BaseModel):
    """One run. `lost` are requests that were never decided; there are none where all is well."""

    payers: int
    rules: int
    answer_seconds: float
    load_average: float
    phases: list[Phase]
    lost: int

    @property
    def as_expected(self) -> bool:
        """Whether every request was decided."""
        return self.lost == 0


def show(console: Console, report: RiskReport) -> None:
    """Print the report."""
    title = f"Decisions by {report.rules} rules, {report.payers:,} payers, load average {report.load_average:g}"
    table = Table(title=title, title_justify="left")
    columns = (
        "load",
        "decisions/s",
        "p50",
        "p99",
        "longest",
        "by policy",
        f"after {report.answer_seconds * 1000:g} ms",
    )
    for heading in (*columns, "CPU"):
        table.add_column(heading, justify="left" if heading in {"load", "CPU"} else "right")
    for phase in report.phases:
        table.add_row(
            phase.name,
            f"{phase.per_second:,.0f}",
            f"{phase.p50_ms:.1f} ms",
            f"{phase.p99_ms:.1f} ms",
            f"{phase.max_ms:.1f} ms",
            f"{phase.degraded:,}",
            f"{phase.late:,}",
            ", ".join(f"{name} {seconds / phase.seconds:.0%}" for name, seconds in phase.cpu_seconds.items()),
        )
    console.print(table)
    if report.lost:
        console.print(f"[red]{report.lost:,} requests were never decided[/red]")
