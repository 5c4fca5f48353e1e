"""The ledger's report as tables for people."""

from rich.console import Console
from rich.table import Table

from ops.bench.ledger.report import Growth, Latency, LedgerReport, PgLedger, PgLedgerRun, Throughput

HEADINGS = ("load", "transfers/s", "batch", "p50", "p99", "refused", "failed", "Python", "PostgreSQL", "pgledger")


def show(console: Console, report: LedgerReport) -> None:
    """Print the report."""
    console.print(_throughputs(report))
    console.print(f"[bold]pgledger[/bold]  {_pgledger(report.pgledger)}")
    console.print(f"[bold]one transfer on an idle system[/bold]  {_told(report.single)}, from command to posted event")
    if report.growth:
        _show_growth(console, report.growth)
    books = "[green]balance[/green]" if report.books_balance else f"[red]{'; '.join(report.findings)}[/red]"
    console.print(f"[bold]books[/bold]  {books}")


def _throughputs(report: LedgerReport) -> Table:
    title = f"Transfers through the handler, {report.accounts:,} accounts, load average {report.load_average:g}"
    table = Table(title=title, title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "load" else "right")
    table.add_row("uniform", *_cells(report.uniform, report.pgledger.uniform))
    if report.hot:
        table.add_row("one hot account", *_cells(report.hot, report.pgledger.hot))
    if report.growth:
        growth = report.growth
        table.add_row(f"{growth.small_entries:,} entries", *_cells(growth.small, None))
        table.add_row(f"{growth.grown_entries:,} entries", *_cells(growth.grown, None))
    return table


def _cells(run: Throughput, theirs: PgLedgerRun | None) -> list[str]:
    cpu = run.cpu_us_per_transfer
    return [
        f"{run.per_second:,.0f}",
        f"{run.batch:,}",
        f"{run.batches.p50_ms:.1f} ms",
        f"{run.batches.p99_ms:.1f} ms",
        f"{run.refused:,}",
        f"{run.not_handled:,}",
        *(f"{cpu[name]:.0f} µs · {100 * run.cpu_seconds[name] / run.seconds:.0f} %" for name in ("python", "postgres")),
        f"{theirs.per_second:,.0f}/s: {theirs.ratio:.1f}x" if theirs else "",
    ]


def _pgledger(compared: PgLedger) -> str:
    if compared.skipped:
        return f"not compared: {compared.skipped}"
    return f"{compared.clients} clients on the same PostgreSQL, each transfer a transaction"


def _show_growth(console: Console, growth: Growth) -> None:
    console.print(f"[bold]cost on the grown ledger[/bold]  {growth.ratio:.2f} of that on the small one, in turns")
    console.print(f"[bold]balance as of an instant[/bold]  {_told(growth.balance_as_of)}")
    console.print(f"[bold]statement page[/bold]  {_told(growth.statement_page)}")


def _told(latency: Latency) -> str:
    return f"p50 {latency.p50_ms:.2f} ms, p99 {latency.p99_ms:.2f} ms ({latency.count:,} times)"
