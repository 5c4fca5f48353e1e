"""`ledgerlink risk labels import`: what payments turned out to be, out of a file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.options import DEFAULT_DATA_DIR, DataDir
from ops.commands.risk.app import app

if TYPE_CHECKING:
    from pydantic import SecretStr

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
    import asyncio

    from ops import risk_labels, risk_limits
    from ops.stack.errors import StackError

    try:
        rows = risk_labels.read_labels(file)
        gateway = risk_limits.find_gateway(data_dir)
        done = asyncio.run(risk_labels.send_labels(gateway, *_analyst(), file.name, rows, _tell_progress))
    except (StackError, OSError) as error:
        typer.echo(f"Error: not imported: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(done.model_dump_json(indent=2))
        return
    typer.echo(f"{done.taken:,} labels taken.")
    for payment in done.unknown:
        typer.echo(f"Risk has decided about no payment {payment}.")


def _tell_progress(sent: int) -> None:
    typer.echo(f"{sent:,} sent", err=True)


def _analyst() -> "tuple[str, SecretStr]":
    from pydantic import SecretStr

    email = os.environ.get("LEDGERLINK_EMAIL") or typer.prompt("The analyst's address", err=True)
    password = os.environ.get("LEDGERLINK_PASSWORD") or typer.prompt("Password", hide_input=True, err=True)
    return email, SecretStr(password)
