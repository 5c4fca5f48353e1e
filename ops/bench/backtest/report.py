"""What the bench of backtests says: how long it took, and what came of it."""

from pydantic import BaseModel
from rich.console import Console

AIM_PAYMENTS = 500_000
AIM_SECONDS = 60.0
"""So many payments in less than this, with two processes, are aimed at."""


class BacktestReport(BaseModel):
    """One run: `seconds` is from the worker's start to the end of the backtest, with the start of its processes."""

    payments: int
    judged: int
    processes: int
    rules: int
    seconds: float
    per_second: float
    flips: int
    flips_kept: int
    status: str
    load_average: float

    @property
    def as_expected(self) -> bool:
        """Whether all payments were judged, as fast as is aimed at; fewer may take as long: processes have to start."""
        fast = self.seconds <= AIM_SECONDS * max(1.0, self.payments / AIM_PAYMENTS)
        return fast and self.status == "completed" and self.judged == self.payments


def show(console: Console, report: BacktestReport) -> None:
    """Print it."""
    console.print(
        f"{report.judged:,} payments by {report.rules} rules in {report.seconds} s with {report.processes} processes: "
        f"{report.per_second:,.0f} a second; {report.flips:,} came out otherwise, {report.flips_kept:,} are listed."
    )
