"""What a run of the bench of logins says: logins a second, and how many of them hashing alone would allow."""

from collections.abc import Mapping

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from ops.bench.edge.load import Measured
from ops.bench.percentile import percentile


class LoginReport(BaseModel):
    """One run. `share` is logins a second of what Argon2 alone verifies a second in as many threads."""

    threads: int
    at_a_time: int
    load_average: float
    seconds: float
    logins: int
    per_second: float
    alone_per_second: float
    share: float
    p50_ms: float
    p99_ms: float
    errors: dict[str, int]
    cpu_ms_each: dict[str, float]

    @property
    def as_expected(self) -> bool:
        """Whether somebody could log in, and nobody could not."""
        return self.logins > 0 and not self.errors


def summarise(
    measured: Measured, alone: float, cpu: Mapping[str, float], threads: int, at_a_time: int, load_average: float
) -> LoginReport:
    """Turn what was measured into a report; `cpu` are seconds by process."""
    latencies = sorted(measured.latencies) or [0.0]
    logins = len(measured.latencies)
    per_second = logins / measured.seconds
    return LoginReport(
        threads=threads,
        at_a_time=at_a_time,
        load_average=round(load_average, 2),
        seconds=round(measured.seconds, 2),
        logins=logins,
        per_second=round(per_second, 1),
        alone_per_second=round(alone, 1),
        share=round(per_second / alone, 3),
        p50_ms=round(percentile(latencies, 0.5) * 1000, 1),
        p99_ms=round(percentile(latencies, 0.99) * 1000, 1),
        errors=dict(measured.errors),
        cpu_ms_each={name: round(seconds * 1000 / max(1, logins), 2) for name, seconds in cpu.items()},
    )


def show(console: Console, report: LoginReport) -> None:
    """Print the report as tables."""
    title = f"Logins over HTTP, {report.at_a_time} at a time, load average {report.load_average:g}"
    table = Table(title=title, title_justify="left")
    for heading in ("threads", "logins per s", "argon2 alone per s", "share", "p50 ms", "p99 ms", "errors"):
        table.add_column(heading, justify="right")
    errors = ", ".join(f"{name}: {count}" for name, count in report.errors.items()) or "none"
    figures = (f"{value:,.1f}" for value in (report.per_second, report.alone_per_second))
    times = (f"{value:,.1f}" for value in (report.p50_ms, report.p99_ms))
    table.add_row(str(report.threads), *figures, f"{report.share:.0%}", *times, errors)
    console.print(table)
    processes = Table(title="CPU of each login, in ms", title_justify="left")
    processes.add_column("process", no_wrap=True)
    processes.add_column("ms", justify="right")
    for name, milliseconds in sorted(report.cpu_ms_each.items(), key=lambda each: -each[1]):
        processes.add_row(name, f"{milliseconds:.2f}")
    console.print(processes)
