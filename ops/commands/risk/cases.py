"""`ledgerlink risk cases`: what waits for analysts, and what happened with it."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from contracts.risk import CASES_LIMIT, CaseKind, CaseStatus
from ops.commands.options import DEFAULT_DATA_DIR, DataDir
from ops.commands.risk.app import app
from ops.commands.risk.asking import NOT_DONE, asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.risk import Case, CaseEvent

cases_app = typer.Typer(help="Show the cases that analysts work on.", no_args_is_help=True)
app.add_typer(cases_app, name="cases")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@cases_app.command("list")
def list_cases(
    status: Annotated[CaseStatus | None, typer.Option(help="Without it, all that are not closed.")] = None,
    kind: Annotated[CaseKind | None, typer.Option(help="Of one kind only.")] = None,
    assignee: Annotated[UUID | None, typer.Option(help="Claimed by this analyst.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=CASES_LIMIT)] = CASES_LIMIT,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    overdue: Annotated[bool, typer.Option("--overdue", help="Those that should have been decided by now.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show cases, the one due first first. Analysts work on them over HTTP (/v1/cases).

    Reads the database of the running stack, or that of RISK_DATABASE_URL. Exits with code 1 when it cannot.

    [bold]Examples[/bold]

      $ ledgerlink risk cases list --overdue

      $ ledgerlink risk cases list --status decided --json | jq '.[].outcome'
    """
    import orjson

    from contracts.risk import ListCases
    from ops import risk_cases

    question = ListCases.model_construct(
        status=status, kind=kind, assignee=assignee, overdue=overdue or None, after=None, limit=limit
    )
    cases = asked(data_dir, lambda url: risk_cases.list_cases(url, question))
    if as_json:
        typer.echo(orjson.dumps([case.model_dump(mode="json") for case in cases], option=orjson.OPT_INDENT_2))
    elif cases:
        _show(cases)
    else:
        typer.echo("There is no such case.")


@cases_app.command("show")
def show_case(
    case_id: Annotated[UUID, typer.Argument(help="The case's id: that of the assessment or the screening.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a case and all that happened with it. Exits with code 1 when there is none.

    [bold]Examples[/bold]

      $ ledgerlink risk cases show 01990f3e-8d42-7e66-af77-7a88b99c0004
    """
    import orjson

    from ops import risk_cases

    found = asked(data_dir, lambda url: risk_cases.show_case(url, case_id))
    if found is None:
        typer.echo("Error: there is no case with this id.", err=True)
        raise typer.Exit(NOT_DONE)
    case, events = found
    if as_json:
        shown = {"case": case.model_dump(mode="json"), "events": [e.model_dump(mode="json") for e in events]}
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
    else:
        _show([case])
        _show_events(events)


def _show(cases: "list[Case]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="Cases, the one due first first (UTC)", title_justify="left")
    for heading in ("Case", "Due", "Status"):
        table.add_column(heading, no_wrap=heading == "Case")
    for case in cases:
        table.add_row(str(case.id), f"{case.due_at:%Y-%m-%d %H:%M}", escape("\n".join(_status(case))))
    Console().print(table)


def _status(case: "Case") -> "Iterator[str]":
    """Yield lines: where it stands, who has it, how much it is about (minor units), and why it was opened."""
    yield case.status.value + (f": {case.outcome.value}" if case.outcome else "")
    if case.overdue:
        yield "overdue"
    if case.assignee:
        yield str(case.assignee)
    if case.amount is not None:
        yield f"{case.amount:,} {case.currency}"
    yield case.title


def _show_events(events: "list[CaseEvent]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="What happened", title_justify="left")
    for heading in ("When", "What", "Who", "Words"):
        table.add_column(heading, no_wrap=heading == "When")
    for event in events:
        words = [event.outcome.value if event.outcome else None, event.title, event.text, event.url]
        said = escape(" · ".join(word for word in words if word))
        table.add_row(f"{event.at:%Y-%m-%d %H:%M:%S}", event.kind.value, str(event.actor or ""), said)
    Console().print(table)
