"""`ledgerlink risk sanctions`: bring sanctions lists from files, and show which are in use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.risk import SanctionsSource
from ops.commands.app import OneMessageTyper
from ops.commands.options import DEFAULT_DATA_DIR, DataDir
from ops.commands.risk.app import app
from ops.commands.risk.asking import asked

if TYPE_CHECKING:
    from contracts.risk import SanctionsList

sanctions = OneMessageTyper(
    help="Bring sanctions lists from files, and show which are in use.", no_args_is_help=True, rich_markup_mode="rich"
)
app.add_typer(sanctions, name="sanctions")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of sentences.")]
ListFile = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The file, as its publisher offers it.")
]


@sanctions.command("import")
def import_list(
    file: ListFile,
    source: Annotated[SanctionsSource, typer.Option("--list", help="Whose list it is.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Let the parties in a file take the place of those of the same list; all customers are screened again.

    Reads OFAC's sdn.xml, or sdn.csv with alt.csv beside it; the UN's consolidated.xml; the EU's XML or CSV file. The
    file is read whole first: one that is broken changes nothing.

    Writes to the database of the running stack, or that of RISK_DATABASE_URL. Exits with code 1 when it cannot.

    [bold]Examples[/bold]

      $ ledgerlink risk sanctions import sdn.xml --list ofac

      $ ledgerlink risk sanctions import consolidated.xml --list un --json | jq .parties
    """
    from ops import risk_lists

    kept = asked(data_dir, lambda url: risk_lists.import_list(url, file, source))
    if as_json:
        typer.echo(kept.model_dump_json(indent=2))
    else:
        typer.echo(f"✓ {_told(kept)}. Customers are screened again from now on.")


@sanctions.command("show")
def show(data_dir: DataDir = DEFAULT_DATA_DIR, *, as_json: AsJson = False) -> None:
    """Show the version of each list that is in use.

    [bold]Examples[/bold]

      $ ledgerlink risk sanctions show
    """
    import orjson

    from ops import risk_lists

    lists = asked(data_dir, risk_lists.show_lists)
    if as_json:
        typer.echo(orjson.dumps([kept.model_dump(mode="json") for kept in lists], option=orjson.OPT_INDENT_2))
        return
    for kept in lists:
        typer.echo(f"{_told(kept)}; imported {kept.imported_at:%Y-%m-%d %H:%M} UTC")
    if not lists:
        typer.echo("No list is in use: nobody is screened. Bring one with: ledgerlink risk sanctions import")


def _told(kept: "SanctionsList") -> str:
    published = f", published {kept.published}" if kept.published else ""
    names = f"{kept.parties:,} parties with {kept.names:,} names"
    return f"{kept.source.value.upper()} version {kept.version}{published}: {names}"
