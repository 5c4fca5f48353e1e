"""`ledgerlink keys`: the keys that sign access tokens, and making the next one before its time."""

from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.options import DEFAULT_DATA_DIR, DataDir

if TYPE_CHECKING:
    from contracts.identity import SigningKeyList

app = typer.Typer(help="List and rotate the keys that sign access tokens.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")]


@app.command("list")
def list_keys(data_dir: DataDir = DEFAULT_DATA_DIR, as_json: AsJson = False) -> None:
    """Show when each key of the running stack signs, and until when it checks.

    [bold]Examples[/bold]

      $ ledgerlink keys list

      $ ledgerlink keys list --json | jq '.keys[0].kid'
    """
    import asyncio

    from ops import signing_keys

    keys = asyncio.run(signing_keys.list_keys(data_dir))
    typer.echo(keys.model_dump_json(indent=2, exclude_none=True)) if as_json else _show(keys)


@app.command("rotate")
def rotate(data_dir: DataDir = DEFAULT_DATA_DIR, as_json: AsJson = False) -> None:
    """Make the next key now: it signs some seconds later, and no token that holds is refused for it.

    Exits with code 1 when the key before it does not sign yet.

    [bold]Examples[/bold]

      $ ledgerlink keys rotate
    """
    import asyncio

    from ops import signing_keys

    key = asyncio.run(signing_keys.rotate_key(data_dir))
    if as_json:
        typer.echo(key.model_dump_json(indent=2, exclude_none=True))
    else:
        typer.echo(f"{key.kid} signs from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC on.")


def _show(keys: "SigningKeyList") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Keys that sign access tokens (UTC)", title_justify="left")
    table.add_column("Key", no_wrap=True)
    for heading in ("Signs from", "Signs until", "Checks until"):
        table.add_column(heading, no_wrap=True)
    for key in keys.keys:
        instants = (key.signs_from, key.signs_until, key.checks_until)
        table.add_row(key.kid, *(f"{at:%Y-%m-%d %H:%M:%S}" if at else "" for at in instants))
    Console().print(table)
