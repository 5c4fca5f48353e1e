"""`ledgerlink risk quality`: how good rules, rule sets and outcomes were, by the payments whose labels are known."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.options import DEFAULT_DATA_DIR, TIMES, DataDir, in_utc
from ops.commands.risk.app import app
from ops.commands.risk.asking import NOT_DONE, asked

if TYPE_CHECKING:
    from rich.table import Table

    from contracts.risk import Caught, Quality

_DAYS = 30


@app.command("quality")
def quality(
    since: Annotated[
        datetime | None,
        typer.Option(formats=TIMES, help=f"Asked for then or later; {_DAYS} days ago if left out."),
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=TIMES, help="Asked for before then.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Measure decisions of a time against labels: precision, recall, false positives, and the money that was caught.

    Only payments count of which somebody has said what they were. Times without a zone are UTC. Reads the database of
    the running stack, or that of RISK_DATABASE_URL. Exits with code 1 when it cannot.

    [bold]Examples[/bold]

      $ ledgerlink risk quality --since 2026-11-01

      $ ledgerlink risk quality --json | jq '.rules[] | select(.precision < 0.5) | .rule'
    """
    from ops import risk_cases

    end = in_utc(until) or datetime.now(UTC)
    start = in_utc(since) or end - timedelta(days=_DAYS)
    if start >= end:
        typer.echo("Error: --since must be before --until", err=True)
        raise typer.Exit(NOT_DONE)
    found = asked(data_dir, lambda url: risk_cases.measure_quality(url, start, end))
    typer.echo(found.model_dump_json(indent=2)) if as_json else _show(found)


def _show(found: "Quality") -> None:
    from rich.console import Console

    console = Console()
    rows: list[tuple[str, list[tuple[str, Caught]]]] = [
        ("Rule", [(f"{rule.rule} ({rule.action or 'no action'})", rule) for rule in found.rules]),
        ("Rule set", [((of.rule_set or "before rule sets")[:16], of) for of in found.rule_sets]),
        ("Outcome", [(outcome.outcome, outcome) for outcome in found.outcomes]),
        ("All", [("not just approved", found.stopped)]),
    ]
    for title, caught in rows if found.frauds or found.goods else ():
        console.print(_table(title, caught))
    kept = "" if found.is_whole else " Only the newest are counted."
    console.print(f"{found.frauds:,} frauds and {found.goods:,} good payments are known.{kept}")


def _table(title: str, rows: "list[tuple[str, Caught]]") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for heading in (title, "Frauds", "Good", "Precision", "Recall", "False positives", "Caught (minor units)"):
        table.add_column(heading, justify="left" if heading == title else "right")
    for name, caught in rows:
        shares = (caught.precision, caught.recall, caught.false_positive_rate)
        money = ", ".join(f"{amount:,} {currency}" for currency, amount in caught.amount.items())
        table.add_row(escape(name), f"{caught.frauds:,}", f"{caught.goods:,}", *map(_percent, shares), money)
    return table


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
