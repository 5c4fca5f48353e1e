"""`ledgerlink risk labels import`: what payments turned out to be, out of a file."""

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.options import DEFAULT_DATA_DIR, DataDir
from ops.commands.risk.app import app
from ops.commands.risk.asking import NOT_DONE, asked_of_gateway

labels_app = typer.Typer(help="Say what payments turned out to be.", no_args_is_help=True)
app.add_typer(labels_app, name="labels")


@labels_app.callback()
def labels() -> None:
    """Keep `labels` a group of commands."""


@labels_app.command("import")
def import_labels(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with a header.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")] = False,
) -> None:
    """Send the labels of a CSV file (payment_intent_id, label: fraud or good, and labelled_at if known) to the stack.

    Nothing is sent of a file with a line that is wrong. Sent again, the same file changes nothing.
    The analyst's address and password are asked for, or come from LEDGERLINK_EMAIL and LEDGERLINK_PASSWORD.
    Exits with code 1 when not all was sent.

    [bold]Examples[/bold]

      $ ledgerlink risk labels import chargebacks-2026-10.csv
    """
    from ops import risk_labels
    from ops.stack.errors import StackError

    try:
        rows = risk_labels.read_labels(file)
    except (StackError, OSError) as error:
        typer.echo(f"Error: not imported: {error}", err=True)
        raise typer.Exit(NOT_DONE) from None
    done = asked_of_gateway(data_dir, lambda session: risk_labels.send_labels(session, file.name, rows, _tell_progress))
    if as_json:
        typer.echo(done.model_dump_json(indent=2))
        return
    typer.echo(f"{done.taken:,} labels taken.")
    for payment in done.unknown:
        typer.echo(f"Risk has decided about no payment {payment}.")


def _tell_progress(sent: int) -> None:
    typer.echo(f"{sent:,} sent", err=True)
