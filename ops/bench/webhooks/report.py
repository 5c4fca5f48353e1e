"""What the bench of webhooks says."""

from collections.abc import Sequence

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from ops.bench.percentile import percentile

AIM_MS = 250.0
"""The 99th percentile that is aimed at."""


class Delay(BaseModel):
    """From events to their first attempts, in milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class WebhooksReport(BaseModel):
    """One run. `arrival` is measured where events arrive, `attempt` by the service's own log of the same deliveries.

    `dead` is of the endpoints that never answer or are not there, whose deliveries wait for each other's time-outs.
    `missing` should have arrived and have not; `repeated` arrived more than once.
    """

    seconds: float
    endpoints: int
    dead_endpoints: int
    rate: float
    payments: int
    errors: dict[str, int]
    load_average: float
    arrival: Delay
    attempt: Delay
    dead: Delay
    attempts_per_second: float
    missing: int
    repeated: int
    cpu_seconds: dict[str, float]

    @property
    def as_expected(self) -> bool:
        """Whether everything arrived, once."""
        return self.missing == self.repeated == 0 and self.arrival.count > 0


def delay(seconds: Sequence[float]) -> Delay:
    """Summarise; nothing measured is all 0."""
    ordered = sorted(seconds) or [0.0]
    told = [round(1000 * value, 1) for value in (percentile(ordered, 0.5), percentile(ordered, 0.99), ordered[-1])]
    return Delay(count=len(seconds), p50_ms=told[0], p99_ms=told[1], max_ms=told[2])


def show(console: Console, report: WebhooksReport) -> None:
    """Print the report."""
    title = (
        f"Webhooks, {report.seconds:g} s at {report.rate:g} payments/s, {report.endpoints} endpoints, "
        f"{report.dead_endpoints} of them dead, load average {report.load_average:g}"
    )
    table = Table(title=title, title_justify="left")
    for heading in ("from an event to", "deliveries", "p50", "p99", "max"):
        table.add_column(heading, justify="left" if heading.startswith("from") else "right")
    rows = {"its arrival": report.arrival, "its first attempt": report.attempt, "the same at the dead": report.dead}
    for name, told in rows.items():
        times = (f"{value:,.1f} ms" for value in (told.p50_ms, told.p99_ms, told.max_ms))
        table.add_row(name, f"{told.count:,}", *times)
    console.print(table)
    met = "[green]met[/green]" if report.arrival.p99_ms <= AIM_MS else "[red]missed[/red]"
    console.print(f"aim: p99 of arrivals at most {AIM_MS:g} ms: {met}")
    console.print(
        f"{report.payments:,} payments, {report.attempts_per_second:,.0f} attempts/s, "
        f"{report.missing} missing, {report.repeated} repeated, errors: {report.errors or 'none'}"
    )
    cpu = ", ".join(f"{name} {seconds:.1f}" for name, seconds in report.cpu_seconds.items())
    console.print(f"CPU seconds: {cpu}")
