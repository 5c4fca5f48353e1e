"""What a run of the ledger's bench says."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from ops.bench.percentile import percentile


class Latency(BaseModel):
    """Milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class Throughput(BaseModel):
    """Transfers through the handler path. `seconds` and CPU are of the measured rounds alone; latency is per batch."""

    seconds: float
    posted: int
    refused: int
    not_handled: int
    per_second: float
    batch: int
    batches: Latency
    cpu_seconds: dict[str, float]
    cpu_us_per_transfer: dict[str, float]


class PgLedgerRun(BaseModel):
    """pgledger's transfers, one a transaction, and how many times as many the ledger posted in the same run."""

    per_second: float
    latency_ms: float
    ratio: float


class PgLedger(BaseModel):
    """The comparison; `skipped` says why there is none."""

    clients: int = 0
    uniform: PgLedgerRun | None = None
    hot: PgLedgerRun | None = None
    skipped: str | None = None


class Growth(BaseModel):
    """The same transfers on a small and on a grown ledger, in turns; `ratio` is the grown one's cost, 1 when equal."""

    small_entries: int
    grown_entries: int
    small: Throughput
    grown: Throughput
    ratio: float
    balance_as_of: Latency
    statement_page: Latency


class LedgerReport(BaseModel):
    """One run."""

    accounts: int
    load_average: float
    single: Latency
    uniform: Throughput
    hot: Throughput | None = None
    pgledger: PgLedger
    growth: Growth | None = None
    books_balance: bool
    findings: list[str]

    @property
    def as_expected(self) -> bool:
        """Whether the books balance."""
        return self.books_balance


def latency(seconds: Sequence[float]) -> Latency:
    """Summarise latencies; of none, zeros."""
    ordered = sorted(seconds) or [0.0]
    return Latency(
        count=len(seconds),
        p50_ms=_milliseconds(percentile(ordered, 0.5)),
        p99_ms=_milliseconds(percentile(ordered, 0.99)),
        max_ms=_milliseconds(ordered[-1]),
    )


def throughput(
    seconds: float, counts: tuple[int, int, int], batch: int, batches: Sequence[float], cpu: Mapping[str, float]
) -> Throughput:
    """Summarise rounds; `counts` are transfers posted, refused and not handled."""
    posted, refused, not_handled = counts
    return Throughput(
        seconds=round(seconds, 2),
        posted=posted,
        refused=refused,
        not_handled=not_handled,
        per_second=round(posted / seconds, 1),
        batch=batch,
        batches=latency(batches),
        cpu_seconds={name: round(spent, 2) for name, spent in cpu.items()},
        cpu_us_per_transfer={name: round(spent * 1e6 / max(1, posted), 1) for name, spent in cpu.items()},
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
