"""`ledgerlink outbox`: how far services have published what they have to say, and saying it again."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.asking import NOT_DONE, done
from ops.commands.options import DEFAULT_DATA_DIR, TIMES, DataDir, in_utc

if TYPE_CHECKING:
    from ops.outboxes import OutboxReport, Rewind

app = typer.Typer(help="Show what services have published, and let them publish it again.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]


@app.command("status")
def status(data_dir: DataDir = DEFAULT_DATA_DIR, *, as_json: AsJson = False) -> None:
    """Show, for each service and stream, what the outbox holds, how far it is published, and what waits (UTC).

    Exits with code 1 when a database cannot be read.

    [bold]Examples[/bold]

      $ ledgerlink outbox status

      $ ledgerlink outbox status --json | jq '.[] | select(.lag > 0)'
    """
    import orjson

    found = done(_status(data_dir))
    if as_json:
        typer.echo(orjson.dumps([report.model_dump(mode="json") for report in found], option=orjson.OPT_INDENT_2))
    else:
        _show(found)


@app.command("rewind")
def rewind(  # noqa: PLR0913 - a command's options
    service: Annotated[str, typer.Argument(help="Whose outbox: identity, wallet, payments or risk.")],
    stream: Annotated[str, typer.Argument(help="What is said in this stream, as `outbox status` names it.")],
    position: Annotated[int | None, typer.Option(min=0, help="Say what follows this position.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=TIMES, help="Say what was recorded since (UTC).")] = None,
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait until it is said.")] = 60.0,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Say all that the outbox still holds.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a service publish a part of its outbox again, for the day when a stream lost what nobody noticed.

    A stream that is gone, younger or shorter than it was is noticed without you. Consumers drop what they have handled,
    so nothing happens twice. A stream drops what it was told within the last two minutes: wait for so long.

    Exits with code 1 when there is nothing to say, or the service has not said it in time: it goes on when it runs.

    [bold]Examples[/bold]

      $ ledgerlink outbox rewind wallet WALLET_EVENTS --since 2026-11-23T10:00:00

      $ ledgerlink outbox rewind payments WALLET_COMMANDS --position 4711 --yes

      $ ledgerlink outbox rewind risk RISK_DECISIONS --all
    """
    from rich.console import Console

    if [position is not None, since is not None, everything].count(True) != 1:
        raise typer.BadParameter("say where from: one of --position, --since and --all")
    moment = in_utc(since)
    plan = done(_plan(data_dir, service, stream, position, moment))
    typer.echo(_told(plan), err=as_json)
    if not yes:
        typer.confirm("Say them again?", abort=True, err=as_json)
    with Console(stderr=True).status("Waiting for the relay ..."):
        result = done(_rewind(data_dir, plan, wait))
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
    elif result.done:
        typer.echo(f"Said again, up to position {result.until}.")
    else:
        typer.echo(f"The cursor is moved; {service} has not said it all yet (does it run? see `ledgerlink status`).")
    raise typer.Exit(0 if result.done else NOT_DONE)


async def _status(data_dir: Path) -> "list[OutboxReport]":
    from ops.outboxes import read_outboxes
    from ops.service_databases import find_databases

    return await read_outboxes(find_databases(data_dir))


async def _plan(data_dir: Path, service: str, stream: str, position: int | None, since: datetime | None) -> "Rewind":
    from ops.outboxes import checked, plan_rewind
    from ops.service_databases import find_database

    checked(service, stream)
    url = find_database(service, data_dir)
    return await plan_rewind(url, service, stream, position=position, since=since)


async def _rewind(data_dir: Path, plan: "Rewind", wait_seconds: float) -> "Rewind":
    from ops.outboxes import rewind as move
    from ops.service_databases import find_database

    return await move(find_database(plan.service, data_dir), plan, wait_seconds)


def _told(plan: "Rewind") -> str:
    from ops.outboxes import COUNTED

    number = f"{plan.messages:,}" if plan.messages < COUNTED else f"{COUNTED:,} or more"
    early = " The stream drops those that it was told within the last two minutes." if plan.is_too_early else ""
    return f"{plan.service} says {number} messages of {plan.stream} again: those after position {plan.position}.{early}"


def _show(found: "list[OutboxReport]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Outboxes (UTC)", title_justify="left")
    for heading in ("Service", "Stream", "Holds", "Published", "Recorded at", "Lag", "Waits since"):
        right = heading in {"Holds", "Published", "Lag"}
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading == "Stream")
    for report in found:
        holds = "" if report.first is None else f"{report.first}-{report.last}"
        published = "" if report.position is None else str(report.position)
        moments = [f"{at:%Y-%m-%d %H:%M:%S}" if at else "" for at in (report.said_until, report.unsaid_since)]
        table.add_row(report.service, report.stream, holds, published, moments[0], f"{report.lag:,}", moments[1])
    Console().print(table)
