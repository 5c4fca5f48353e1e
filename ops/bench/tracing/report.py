"""What a run of the bench of tracing says: throughput and CPU with and without, and the ratio of the two."""

from collections.abc import Mapping, Sequence
from statistics import median

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from ops.bench.load import Outcomes

AIM = 0.95
"""The least share of the throughput that is to be left."""


class Side(BaseModel):
    """All rounds of one system: payments by wallet that were settled, and the CPU that each took, client included."""

    settled: int
    per_second: float
    cpu_ms_each: float
    errors: dict[str, int]


class TracingReport(BaseModel):
    """One run of alternating rounds. `throughput_ratios` are of each pair of rounds, with tracing to without.

    `cpu_ratio` is of the CPU that a payment took, which says more on a machine that others use, too. `spans` came to
    the sink, whose CPU is no part of either.
    """

    sample_ratio: float
    concurrency: int
    load_average: float
    without: Side
    with_tracing: Side
    throughput_ratios: list[float]
    throughput_ratio: float
    cpu_ratio: float
    spans: int
    sink_cpu_seconds: float

    @property
    def as_expected(self) -> bool:
        """Whether every payment was settled, and spans came."""
        return self.spans > 0 and all(s.settled and not s.errors for s in (self.without, self.with_tracing))


def side(rounds: Sequence[Outcomes], cpu: Mapping[str, float]) -> Side:
    """Sum up the rounds of one system; `cpu` are seconds by process."""
    settled = sum(len(each.settled) for each in rounds)
    errors: dict[str, int] = {}
    for each in rounds:
        for name, number in each.errors.items():
            errors[name] = errors.get(name, 0) + number
    seconds = sum(each.seconds for each in rounds)
    return Side(
        settled=settled,
        per_second=round(settled / seconds, 1),
        cpu_ms_each=round(sum(cpu.values()) * 1000 / max(1, settled), 2),
        errors=errors,
    )


def ratios(without: Sequence[Outcomes], with_tracing: Sequence[Outcomes]) -> list[float]:
    """Return what share of the throughput is left in each pair of rounds."""
    pairs = zip(without, with_tracing, strict=True)
    return [round(_per_second(b) / _per_second(a), 3) for a, b in pairs if a.settled]


def middle(values: Sequence[float]) -> float:
    """Return the median; 0 of nothing."""
    return round(median(values), 3) if values else 0.0


def _per_second(outcomes: Outcomes) -> float:
    return len(outcomes.settled) / outcomes.seconds


def show(console: Console, report: TracingReport) -> None:
    """Print the report."""
    title = f"Payments by wallet, {report.concurrency} at a time, load average {report.load_average:g}"
    table = Table(title=title, title_justify="left")
    table.add_column("tracing", no_wrap=True)
    for heading in ("settled", "per s", "CPU ms each", "errors"):
        table.add_column(heading, justify="right")
    for name, told in (("none", report.without), (f"{report.sample_ratio:.0%}", report.with_tracing)):
        errors = ", ".join(f"{error}: {count}" for error, count in told.errors.items()) or "none"
        table.add_row(name, f"{told.settled:,}", f"{told.per_second:,.1f}", f"{told.cpu_ms_each:.2f}", errors)
    console.print(table)
    rounds = ", ".join(f"{ratio:.3f}" for ratio in report.throughput_ratios)
    console.print(f"Throughput that is left: {report.throughput_ratio:.1%} (aim: {AIM:.0%}); by rounds: {rounds}")
    console.print(f"CPU of a payment: {report.cpu_ratio:.3f} times that without tracing")
    console.print(f"{report.spans:,} spans came to the sink, which took {report.sink_cpu_seconds:.1f} s of CPU")
