"""`ledgerlink risk rules`: rule sets from a file to the active one, and back."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ops.commands.options import DEFAULT_DATA_DIR, TIMES, DataDir, in_utc
from ops.commands.risk.app import app
from ops.commands.risk.asking import asked_of_gateway

if TYPE_CHECKING:
    from contracts.risk import Backtest, RuleSet, RuleSetPage
    from ops.risk_rules import Rules

rules_app = typer.Typer(help="Draft, try, approve, activate and roll back rule sets.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")]
RuleSetHash = Annotated[str, typer.Argument(help="The rule set's hash, as drafting it tells.")]
_DAYS = 30


@rules_app.callback()
def rules() -> None:
    """Draft, try, approve, activate and roll back rule sets of the running stack.

    In the name of a person, whose address and password are asked for, or come from LEDGERLINK_EMAIL and
    LEDGERLINK_PASSWORD: analysts draft, backtest, shadow and retire, administrators approve, activate and roll back.
    """


@rules_app.command("draft")
def draft(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The rule set, in JSON.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Keep a rule set: every rule is checked, and its own tests are run. It decides about nothing yet.

    [bold]Examples[/bold]

      $ ledgerlink risk rules draft stricter.json
    """
    import orjson

    try:
        document = orjson.loads(file.read_bytes())
    except ValueError as error:
        typer.echo(f"Error: {file} is no JSON: {error}", err=True)
        raise typer.Exit(1) from None
    _tell(_asked(data_dir, lambda them: them.draft(document)), as_json=as_json)


@rules_app.command("list")
def list_rule_sets(
    before: Annotated[str | None, typer.Option(help="Only those drafted before this one.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """List rule sets, newest first, and where each is in its life.

    [bold]Examples[/bold]

      $ ledgerlink risk rules list
    """
    page = _asked(data_dir, lambda them: them.page(before))
    typer.echo(page.model_dump_json(indent=2, exclude_none=True)) if as_json else _show_page(page)


@rules_app.command("show")
def show(rule_set: RuleSetHash, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Print a rule set as JSON: its document, its life, and what it said in shadow.

    [bold]Examples[/bold]

      $ ledgerlink risk rules show 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 | jq .document
    """
    _tell(_asked(data_dir, lambda them: them.show(rule_set)), as_json=True)


@rules_app.command("backtest")
def backtest(
    rule_set: RuleSetHash,
    since: Annotated[datetime | None, typer.Option(formats=TIMES, help="Without it, 30 days ago (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(formats=TIMES, help="Without it, now (UTC).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=5_000_000, help="At most so many payments, the newest.")] = 500_000,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Judge past payments by a rule set, and tell how many come out otherwise and how good that is. Ctrl-C cancels it.

    [bold]Examples[/bold]

      $ ledgerlink risk rules backtest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --limit 100000
    """
    from ops.bench.progress import progress_bars
    from ops.risk_rules import Period

    now = datetime.now(UTC)
    period = Period(in_utc(since) or now - timedelta(days=_DAYS), in_utc(until) or now, limit)
    with progress_bars() as bars:
        bar = bars.add_task("payments", total=None)

        def tell(so_far: "Backtest") -> None:
            bars.update(bar, total=so_far.total, completed=so_far.payments + so_far.not_judged)

        done = _asked(data_dir, lambda them: them.backtest(rule_set, period, tell))
    typer.echo(done.model_dump_json(indent=2, exclude_none=True)) if as_json else _show_backtest(done)
    if done.failure:
        raise typer.Exit(1)


@rules_app.command("shadow")
def shadow(rule_set: RuleSetHash, data_dir: DataDir = DEFAULT_DATA_DIR, *, as_json: AsJson = False) -> None:
    """Propose a rule set: it judges payments without any effect on them.

    [bold]Examples[/bold]

      $ ledgerlink risk rules shadow 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    """
    _tell(_asked(data_dir, lambda them: them.step(rule_set, "shadow")), as_json=as_json)


@rules_app.command("approve")
def approve(rule_set: RuleSetHash, data_dir: DataDir = DEFAULT_DATA_DIR, *, as_json: AsJson = False) -> None:
    """Approve a rule set in shadow, in the name of neither its author nor who put it there.

    [bold]Examples[/bold]

      $ ledgerlink risk rules approve 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    """
    _tell(_asked(data_dir, lambda them: them.step(rule_set, "approval")), as_json=as_json)


@rules_app.command("activate")
def activate(rule_set: RuleSetHash, data_dir: DataDir = DEFAULT_DATA_DIR, *, as_json: AsJson = False) -> None:
    """Let an approved rule set decide from the next payments on.

    [bold]Examples[/bold]

      $ ledgerlink risk rules activate 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    """
    _tell(_asked(data_dir, lambda them: them.step(rule_set, "activation")), as_json=as_json)


@rules_app.command("retire")
def retire(rule_set: RuleSetHash, data_dir: DataDir = DEFAULT_DATA_DIR, *, as_json: AsJson = False) -> None:
    """Withdraw a draft or a proposal.

    [bold]Examples[/bold]

      $ ledgerlink risk rules retire 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    """
    _tell(_asked(data_dir, lambda them: them.step(rule_set, "retirement")), as_json=as_json)


@rules_app.command("rollback")
def rollback(data_dir: DataDir = DEFAULT_DATA_DIR, *, as_json: AsJson = False) -> None:
    """Decide by the rule set before the active one again; done again, it goes one further back.

    [bold]Examples[/bold]

      $ ledgerlink risk rules rollback
    """
    _tell(_asked(data_dir, lambda them: them.roll_back()), as_json=as_json)


def _asked(data_dir: Path, ask: "Callable[[Rules], Awaitable[T]]") -> T:
    from ops.risk_rules import Rules

    return asked_of_gateway(data_dir, lambda session: ask(Rules(session)))


def _tell(rule_set: "RuleSet", *, as_json: bool) -> None:
    if as_json:
        typer.echo(rule_set.model_dump_json(indent=2, exclude_none=True))
    else:
        typer.echo(f"{rule_set.hash} {rule_set.name}: {rule_set.status.value}")


def _show_page(page: "RuleSetPage") -> None:
    """Print a line for each: a hash is as long as it is, and no table of 80 columns has room beside it."""
    for one in page.rule_sets:
        typer.echo(
            f"{one.hash} {one.status.value:8} {one.name}, {one.rules} rules, {one.drafted_at:%Y-%m-%d %H:%M} UTC"
        )
    if page.next_before:
        typer.echo(f"There are more: --before {page.next_before}")


def _show_backtest(done: "Backtest") -> None:
    typer.echo(f"{done.payments:,} payments judged ({done.status.value}); {done.flips:,} come out otherwise.")
    for cell in done.outcomes:
        label = f" ({cell.frauds:,} frauds, {cell.goods:,} good)" if cell.frauds or cell.goods else ""
        typer.echo(f"  {cell.before.value} -> {cell.after.value}: {cell.payments:,}{label}")
    for name, quality in (("before", done.quality_before), ("after", done.quality_after)):
        shares = (quality.precision, quality.recall, quality.false_positive_rate)
        precision, recall, false_positives = ("unknown" if s is None else f"{s:.1%}" for s in shares)
        typer.echo(f"  {name}: precision {precision}, recall {recall}, false positives {false_positives}")
    if done.flips:
        typer.echo(f"{done.flips_kept:,} of those are listed: GET /v1/risk/backtests/{done.id}/flips")
    if done.failure:
        typer.echo(f"Error: the backtest failed: {done.failure}", err=True)
