"""`ledgerlink bench`: what the whole system does under load, measured from outside."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from ops.bench.edge.kinds import Kind as EdgeKind
from ops.bench.kinds import Kind

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(no_args_is_help=True)
T = TypeVar("T")


@app.callback()
def _bench() -> None:
    """Measure throughput and latency, then audit the books.

    [bold]Example[/bold]

      $ ledgerlink bench payments --seconds 30
    """


@app.command()
def payments(
    kind: Annotated[
        list[Kind] | None, typer.Option(help="Only this kind of request (repeat it for more); without it, all.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to measure each kind.")] = 60.0,
    rate: Annotated[
        float | None, typer.Option(min=0.1, max=100_000, help="Requests started a second; without it, as many as go.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=2000, help="Requests under way at once, without --rate.")] = 64,
    payers: Annotated[int, typer.Option(min=2, max=1000, help="Users who pay.")] = 64,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Pay over HTTP by wallet and by card, and refund; each request is waited for until its money has moved.

    Starts a stack of its own in a temporary directory, with everything on disk as in `up`, and removes it afterwards.
    Cards are charged at the sandbox processor, whose latency SANDBOX_PROCESSOR_LATENCY_MS sets. Refunds are of
    payments that the run has made, and end before the time is up when all are refunded.

    [bold]Examples[/bold]

      $ ledgerlink bench payments --seconds 60

      $ ledgerlink bench payments --kind wallet --seconds 30 --rate 200 --json

      $ ledgerlink bench payments --kind card --kind card-refund
    """
    from ops.bench.payments import Options, run
    from ops.bench.report import show

    _told(run(Options(kind or list(Kind), seconds, rate, concurrency, payers)), show, as_json=as_json)


@app.command()
def ledger(
    accounts: Annotated[int, typer.Option(min=3, max=1_000_000, help="Accounts that pay each other.")] = 10_000,
    batch: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Commands in a batch; without it, the service's largest.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="How long each measurement takes.")] = 10.0,
    entries: Annotated[
        int | None,
        typer.Option(min=10, max=1_000_000_000, help="Also compare with a ledger grown to so many entries."),
    ] = None,
    pgledger: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Also time pgledger: a checkout of pgr0ss/pgledger."),
    ] = None,
    *,
    hot: Annotated[bool, typer.Option("--hot", help="Also with one account in every transfer.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Post transfers through the wallet's own handler path, from encoded command to commit on disk.

    A batch is decoded, checked against the inbox, decided under the ledger's lock, written with its outbox rows and
    committed; only the broker's delivery is stood in for. Before that, single transfers run through the broker, too.

    [bold]Examples[/bold]

      $ ledgerlink bench ledger --hot

      $ ledgerlink bench ledger --entries 10000000 --pgledger ../pgledger --json
    """
    from ops.bench.ledger.pgledger import missing_files
    from ops.bench.ledger.run import Options, run
    from ops.bench.ledger.show import show

    if pgledger is not None and (missing := missing_files(pgledger)):
        raise typer.BadParameter(f"no checkout of pgledger: it has no {missing[0]}", param_hint="--pgledger")
    _told(run(Options(accounts, hot, batch, seconds, entries, pgledger)), show, as_json=as_json)


@app.command()
def edge(
    kind: Annotated[
        list[EdgeKind] | None, typer.Option(help="Only this kind of request (repeat it for more); without it, all.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to measure each kind.")] = 15.0,
    concurrency: Annotated[int, typer.Option(min=1, max=400, help="Requests under way at once.")] = 64,
    users: Annotated[int, typer.Option(min=8, max=100, help="Users, with 50 sessions each, which take turns.")] = 16,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Refresh sessions and read wallets over HTTP, as many as go.

    [bold]Examples[/bold]

      $ ledgerlink bench edge

      $ ledgerlink bench edge --kind refresh --seconds 30 --json
    """
    from ops.bench.edge.report import show
    from ops.bench.edge.run import Options, run

    _told(run(Options(kind or list(EdgeKind), seconds, concurrency, users)), show, as_json=as_json)


@app.command()
def logins(
    seconds: Annotated[float, typer.Option(min=2, max=3600, help="How long to log in.")] = 20.0,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Logins under way at once.")] = 6,
    users: Annotated[int, typer.Option(min=8, max=1000, help="Users who log in, in turn.")] = 32,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Log in over HTTP, as many as go, and compare with hashing passwords alone in as many threads.

    [bold]Example[/bold]

      $ ledgerlink bench logins --seconds 30
    """
    from ops.bench.logins.report import show
    from ops.bench.logins.run import Options, run

    _told(run(Options(seconds, concurrency, users)), show, as_json=as_json)


@app.command()
def flood(
    seconds: Annotated[float, typer.Option(min=2, max=3600, help="How long each phase takes.")] = 30.0,
    reads: Annotated[float, typer.Option(min=0.1, max=10_000, help="Wallets read a second.")] = 20.0,
    refreshes: Annotated[float, typer.Option(min=0.1, max=10_000, help="Sessions refreshed a second.")] = 10.0,
    payments_a_second: Annotated[
        float, typer.Option("--payments", min=0.1, max=10_000, help="Payments by wallet a second.")
    ] = 5.0,
    times: Annotated[float, typer.Option(min=0.5, max=100, help="Logins for each that could be worked on.")] = 10.0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure reads, refreshes and payments without a flood of logins, and beside one from many addresses.

    [bold]Example[/bold]

      $ ledgerlink bench flood --times 10
    """
    from ops.bench.logins.flood_report import show
    from ops.bench.logins.flood_run import Options, run

    _told(run(Options(seconds, reads, refreshes, payments_a_second, times)), show, as_json=as_json)


@app.command()
def reconciliation(
    lines: Annotated[int, typer.Option(min=1000, max=10_000_000, help="Entries, and about as many lines.")] = 1_000_000,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Upload a statement over HTTP, and match it with as many entries of the ledger.

    [bold]Example[/bold]

      $ ledgerlink bench reconciliation --lines 100000
    """
    from ops.bench.reconciliation import run, show

    _told(run(lines), show, as_json=as_json)


@app.command()
def webhooks(
    endpoints: Annotated[int, typer.Option(min=2, max=1000, help="Users, each with an endpoint.")] = 50,
    dead: Annotated[float, typer.Option(min=0.0, max=0.9, help="The share of endpoints that is dead.")] = 0.1,
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Payments started a second.")] = 20.0,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to pay.")] = 30.0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Pay over HTTP, and measure how soon payers and payees hear of it at their webhook endpoints.

    Of the dead endpoints, one half takes connections and never answers, the other half is not there.

    [bold]Examples[/bold]

      $ ledgerlink bench webhooks

      $ ledgerlink bench webhooks --endpoints 200 --rate 50 --json
    """
    from ops.bench.webhooks.report import show
    from ops.bench.webhooks.run import Options, run

    _told(run(Options(endpoints, dead, rate, seconds)), show, as_json=as_json)


@app.command()
def limiter(
    checks: Annotated[int, typer.Option(min=1000, max=100_000_000, help="Checks in all.")] = 1_000_000,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes that check at the same time.")] = 4,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Checks under way at once in each.")] = 16,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ask the gateway's rate limits from many processes at once, and count that not one too many is admitted.

    Each check is of two or three policies; two of them run out, at the same time and for the same requests. Before
    that, checks are made one at a time. Starts a Valkey of its own.

    [bold]Examples[/bold]

      $ ledgerlink bench limiter

      $ ledgerlink bench limiter --checks 100000 --processes 2 --json
    """
    from ops.bench.limiter.report import show
    from ops.bench.limiter.run import Options, run

    _told(run(Options(checks, processes, concurrency)), show, as_json=as_json)


@app.command()
def backtest(
    payments: Annotated[int, typer.Option(min=1000, max=5_000_000, help="Past payments.")] = 500_000,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes that judge at the same time.")] = 2,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Judge past payments by a rule set of 50 rules, with the service's own worker.

    Starts a Postgres of its own with generated decisions. Exits with code 1 where it takes longer than 60 seconds for
    500,000 payments.

    [bold]Examples[/bold]

      $ ledgerlink bench backtest

      $ ledgerlink bench backtest --payments 50000 --json
    """
    from ops.bench.backtest.report import show
    from ops.bench.backtest.run import Options, run

    _told(run(Options(payments, processes)), show, as_json=as_json)


@app.command()
def risk(
    payers: Annotated[int, typer.Option(min=1, max=1_000_000, help="Customers who pay.")] = 5_000,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long each load lasts.")] = 15.0,
    concurrency: Annotated[int, typer.Option(min=1, max=2000, help="Requests under way at once.")] = 40,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ask risk for decisions by 50 rules: as many as go, 200 a second, and bursts; each from request to answer.

    The service, PostgreSQL and NATS are its own, with everything on disk; the bench plays the payments service.
    Exits with code 1 where a request was never decided.

    [bold]Examples[/bold]

      $ ledgerlink bench risk

      $ ledgerlink bench risk --seconds 30 --concurrency 100 --json
    """
    from ops.bench.risk.report import show
    from ops.bench.risk.run import Options, run

    _told(run(Options(payers, seconds, concurrency)), show, as_json=as_json)


@app.command()
def tracing(
    sample_ratio: Annotated[float, typer.Option(min=0.0, max=1.0, help="The share of traces that is recorded.")] = 0.1,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long each round takes.")] = 10.0,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Rounds of each system.")] = 6,
    concurrency: Annotated[int, typer.Option(min=1, max=2000, help="Payments under way at once.")] = 64,
    payers: Annotated[int, typer.Option(min=2, max=1000, help="Users who pay.")] = 64,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Pay by wallet through two systems side by side, one of which records traces, and compare.

    They are driven in turn, so that both see the same machine. Spans go by OTLP to a sink in a process of its own.

    [bold]Examples[/bold]

      $ ledgerlink bench tracing

      $ ledgerlink bench tracing --sample-ratio 1 --rounds 10 --json
    """
    from ops.bench.tracing.report import show
    from ops.bench.tracing.run import Options, run

    _told(run(Options(seconds, rounds, sample_ratio, concurrency, payers)), show, as_json=as_json)


class _Report(Protocol):
    """What every bench reports."""

    @property
    def as_expected(self) -> bool:
        """Whether what was measured was done, and right: nothing failed, books balance."""
        ...

    def model_dump_json(self, *, indent: int) -> str:
        """Return it as JSON."""
        ...


R = TypeVar("R", bound=_Report)


def _told(work: Coroutine[Any, Any, R], show: Callable[["Console", R], None], *, as_json: bool) -> None:
    """Do the work, and print its report: tables, or one JSON document. Exit with code 1 where it is not as expected."""
    from rich.console import Console

    report = _uninterrupted(work)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        show(Console(), report)
    if not report.as_expected:
        raise typer.Exit(1)


def _uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Run the work on the event loop that the services use. A signal cancels it; its own clean-up stops the stack."""
    import uvloop

    from ops.interruption import Interrupted, interruptible

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(interruptible(work, _nothing_more))
    except Interrupted as interrupted:
        typer.echo("Interrupted; nothing is left running.", err=True)
        raise typer.Exit(interrupted.exit_code) from None


async def _nothing_more() -> None:
    """Clean up nothing beyond what the work itself does."""
