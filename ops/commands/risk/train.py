"""`ledgerlink risk train`: a model fitted to labelled payments, as a document that analysts register."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ops.commands.options import DEFAULT_DATA_DIR, DataDir, command_on
from ops.commands.risk.app import app
from ops.commands.risk.labelled_payments import Format, FormatOption, KindOption, OneKind, one_message


def _known_name(name: str) -> str:
    """Refuse a name that no document can have, before hours of training. Raises typer.BadParameter."""
    if not re.fullmatch("[a-z][a-z0-9_]{0,63}", name):
        raise typer.BadParameter("a small letter, then small letters, digits and _, 64 at most")
    return name


@app.command("train")
def train(
    out: Annotated[Path, typer.Option(help="Where the model's document goes.", dir_okay=False)],
    train_from: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day of training (UTC).")],
    transactions: Annotated[
        Path | None,
        typer.Option(help="Labelled payments of others instead: CSV or parquet, gzip or not.", exists=True),
    ] = None,
    _format: FormatOption = Format.FRAUD_HANDBOOK,
    train_days: Annotated[int, typer.Option(min=1, max=366, help="Days of training.")] = 7,
    name: Annotated[
        str, typer.Option(help="The model's name: small letters, digits and _.", callback=_known_name)
    ] = "payments",
    kind: OneKind = KindOption.TREES,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Fit a model to labelled payments and write it as JSON, for POST /v1/risk/models.

    Learns from what risk has decided, whose feature values were stored: from the database of the running stack, or that
    of RISK_DATABASE_URL. Labels are what disputes, analysts and imports have said; an approved payment of which nobody
    has said anything counts as good, so take days that are long enough ago for frauds to be known.

    With --transactions it learns from a file (see `ledgerlink risk evaluate`). Features are those of live decisions, by
    the same code, from the file's first payment on; so it should begin 38 days before the training or earlier.

    [bold]Examples[/bold]

      $ ledgerlink risk train --train-from 2026-10-01 --train-days 28 --out model.json

      $ ledgerlink risk train --transactions payments.csv.gz --train-from 2018-07-18 --kind logistic --out model.json
    """
    with one_message(), _without_database(data_dir):
        from ops.risk_model.fitting import Kind
        from ops.risk_model.protocol import Period
        from ops.risk_model.running import train as on_file
        from ops.risk_model.running import train_on_own

        period, of_kind = Period("training", train_from.date(), train_days), Kind(kind.value)
        if transactions:
            days, document = on_file(transactions, period, of_kind, name)
        else:
            import asyncio

            from ops.service_databases import find_database

            days, document = asyncio.run(train_on_own(find_database("risk", data_dir), period, of_kind, name))
    try:
        out.write_bytes(document.canonical())
    except OSError as error:
        typer.echo(f"Error: {out} cannot be written: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"Trained on {days.first} to {days.last}: {days.payments:,} payments, {days.frauds:,} of them frauds.")
    typer.echo(f"Model {document.hash} is in {out}.")


@contextmanager
def _without_database(data_dir: Path) -> Iterator[None]:
    """Tell in one sentence that the database cannot be read, and exit with code 1."""
    import asyncpg

    from ops.failures import debugging, told
    from ops.service_databases import is_stopped
    from ops.stack.errors import StackError

    try:
        yield
    except (OSError, StackError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if debugging():
            raise
        start = f"nothing runs on {data_dir.resolve()}; start it with: {command_on(data_dir, 'up')}"
        typer.echo(f"Error: {start if is_stopped('risk', error) else told(error)}", err=True)
        raise typer.Exit(1) from None
