"""`ledgerlink risk lists`: who and what is on the allow, deny and watch lists."""

from typing import TYPE_CHECKING, Annotated

import typer

from contracts.risk import LIST_ENTRIES_LIMIT, ListKind, RiskList
from ops.commands.options import DEFAULT_DATA_DIR, DataDir
from ops.commands.risk.app import app
from ops.commands.risk.asking import asked

if TYPE_CHECKING:
    from contracts.risk import ListEntry


@app.command("lists")
def lists(
    name: Annotated[RiskList | None, typer.Option("--list", help="Of one list only.")] = None,
    kind: Annotated[ListKind | None, typer.Option(help="Of one kind only.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    ended: Annotated[bool, typer.Option("--ended", help="Those that were removed or have expired, instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array instead of a table.")] = False,
) -> None:
    """Show the newest entries of the allow, deny and watch lists. Analysts change them over HTTP (/v1/risk/lists).

    Reads the database of the running stack, or that of RISK_DATABASE_URL. Exits with code 1 when it cannot.

    [bold]Examples[/bold]

      $ ledgerlink risk lists --list deny

      $ ledgerlink risk lists --ended --json | jq '.[].removal_reason'
    """
    import orjson

    from contracts.risk import ListListEntries
    from ops import risk_lists

    question = ListListEntries(list=name, kind=kind, ended=ended, limit=LIST_ENTRIES_LIMIT)
    entries = asked(data_dir, lambda url: risk_lists.show_entries(url, question))
    if as_json:
        typer.echo(orjson.dumps([entry.model_dump(mode="json") for entry in entries], option=orjson.OPT_INDENT_2))
    else:
        _show(entries)


def _show(entries: "list[ListEntry]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Entries, newest first (UTC)", title_justify="left")
    for heading in ("List", "Kind", "Value", "Added", "Expires", "Reason"):
        table.add_column(heading, no_wrap=heading == "Value")
    for entry in entries:
        expires = f"{entry.expires_at:%Y-%m-%d %H:%M}" if entry.expires_at else ""
        added = f"{entry.added_at:%Y-%m-%d %H:%M}"
        table.add_row(entry.list.value, entry.kind.value, entry.value, added, expires, entry.reason)
    Console().print(table)
