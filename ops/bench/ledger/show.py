"""The ledger's report as tables for people."""

from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from ops.bench.ledger.report import Growth, Latency, LedgerReport, PgLedger, Throughput


def show(console: Console, report: LedgerReport) -> None:
    """Print the report."""
    runs = _runs(report)
    title = f"Transfers through the handler, {report.accounts:,} accounts, load average {report.load_average:g}"
    console.print(_table(title, ("load", "transfers/s", "batch", "p50", "p99", "refused", "failed"), runs, _work))
    console.print(_table("CPU per transfer", ("load", "Python", "PostgreSQL"), runs, _cpu))
    _show_pgledger(console, report.pgledger)
    console.print(f"[bold]one transfer on an idle system[/bold]  {_told(report.single)}")
    if report.growth:
        _show_growth(console, report.growth)
    books = "[green]balance[/green]" if report.books_balance else f"[red]{'; '.join(report.findings)}[/red]"
    console.print(f"[bold]books[/bold]  {books}")


def _runs(report: LedgerReport) -> dict[str, Throughput]:
    runs = {"uniform": report.uniform}
    if report.hot:
        runs["one hot account"] = report.hot
    if growth := report.growth:
        runs[f"{growth.small_entries:,} entries"] = growth.small
        runs[f"{growth.grown_entries:,} entries"] = growth.grown
    return runs


def _table(
    title: str, headings: Sequence[str], runs: Mapping[str, Throughput], cells: Callable[[Throughput], Sequence[str]]
) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "load" else "right")
    for name, run in runs.items():
        table.add_row(name, *cells(run))
    return table


def _work(run: Throughput) -> Sequence[str]:
    return (
        f"{run.per_second:,.0f}",
        f"{run.batch:,}",
        f"{run.batches.p50_ms:.0f} ms",
        f"{run.batches.p99_ms:.0f} ms",
        f"{run.refused:,}",
        f"{run.not_handled:,}",
    )


def _cpu(run: Throughput) -> Sequence[str]:
    spent = ((run.cpu_us_per_transfer[name], run.cpu_seconds[name] / run.seconds) for name in ("python", "postgres"))
    return [f"{microseconds:.0f} µs, {share:.0%} of a core" for microseconds, share in spent]


def _show_pgledger(console: Console, compared: PgLedger) -> None:
    if compared.skipped:
        console.print(f"[bold]pgledger[/bold]  not compared: {compared.skipped}")
    for name, run in (("uniform", compared.uniform), ("one hot account", compared.hot)):
        if run:
            each = f"{run.per_second:,.0f} transfers/s with {compared.clients} clients, {run.latency_ms:.1f} ms each"
            console.print(f"[bold]pgledger, {name}[/bold]  {each}: the ledger posts {run.ratio:.1f} times as many")


def _show_growth(console: Console, growth: Growth) -> None:
    console.print(f"[bold]cost on the grown ledger[/bold]  {growth.ratio:.2f} of that on the small one, in turns")
    console.print(f"[bold]balance as of an instant[/bold]  {_told(growth.balance_as_of)}")
    console.print(f"[bold]statement page[/bold]  {_told(growth.statement_page)}")


def _told(latency: Latency) -> str:
    return f"p50 {latency.p50_ms:.2f} ms, p99 {latency.p99_ms:.2f} ms ({latency.count:,} times)"
