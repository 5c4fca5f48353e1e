"""`ledgerlink risk replay`: past decisions made again from what was stored, bit for bit."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ops.commands.options import DEFAULT_DATA_DIR, TIMES, DataDir, command_on, in_utc
from ops.commands.risk.app import app

if TYPE_CHECKING:
    from ops.risk_replay import ReplayReport

EXACT, DIFFERENT, NOT_REPLAYED = 0, 1, 2


@app.command("replay")
def replay(
    assessment: Annotated[UUID | None, typer.Argument(help="The decision's assessment id; without it, all.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=TIMES, help="Asked for at this time or later.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=TIMES, help="Asked for before this time.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of sentences.")] = False,
) -> None:
    """Decide again what risk has decided, from the values, rules and model that were stored with each decision.

    Reads the database of the running stack, or that of RISK_DATABASE_URL. Times without a zone are UTC.

    Exits with code 0 when every decision comes out as it was, 1 when one does not, 2 when nothing could be replayed.

    [bold]Examples[/bold]

      $ ledgerlink risk replay

      $ ledgerlink risk replay 01990f3e-8d42-7e66-af77-7a88b99c0004

      $ ledgerlink risk replay --since 2026-11-01 --json | jq '.differences[]'
    """
    import asyncio

    import asyncpg

    from apps.risk.domain.replaying import NotReplayableError
    from ops.failures import debugging, told
    from ops.risk_replay import Wanted, run_replay
    from ops.service_databases import find_database, is_stopped
    from ops.stack.errors import StackError

    try:
        wanted = Wanted(assessment, in_utc(since), in_utc(until))
        report = asyncio.run(run_replay(find_database("risk", data_dir), wanted))
    except (LookupError, NotReplayableError) as error:
        typer.echo(f"Error: not replayed: {error}", err=True)
        raise typer.Exit(NOT_REPLAYED) from None
    except (OSError, StackError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if debugging():
            raise
        start = f"nothing runs on {data_dir.resolve()}; start it with: {command_on(data_dir, 'up')}"
        typer.echo(f"Error: not replayed: {start if is_stopped('risk', error) else told(error)}", err=True)
        raise typer.Exit(NOT_REPLAYED) from None
    typer.echo(report.model_dump_json(indent=2)) if as_json else _tell(report)
    raise typer.Exit(EXACT if report.is_exact else DIFFERENT)


def _tell(report: "ReplayReport") -> None:
    for difference in report.differences:
        place = f"{difference.assessment_id} {difference.part}"
        typer.echo(f"✗ {place}: stored {difference.stored}, replayed {difference.replayed}")
    typer.echo(f"{report.replayed:,} decisions replayed in {report.seconds} s.")
    if report.not_replayable:
        typer.echo(f"{report.not_replayable:,} were made before decisions kept what they were made from.")
    typer.echo("✓ All came out as they were." if report.is_exact else f"✗ {report.differing:,} came out otherwise.")
