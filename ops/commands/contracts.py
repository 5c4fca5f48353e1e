"""`ledgerlink contracts`: whether the messages still keep what the last release promised, and promising anew."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from contracts.compatibility import Json

app = typer.Typer(help="Hold the messages against what was released of them.", no_args_is_help=True)

RELEASED = Path("contracts/released/messages.json")
Released = Annotated[Path, typer.Option("--released", help="What the last release promised.", show_default=True)]


@app.command("check")
def check(
    released: Released = RELEASED,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")] = False,
) -> None:
    """Find the changes since the last release that break who sends or reads the messages. Exits with 1 where there are.

    What we say (events, decisions, replies, answers) may gain fields, never lose or loosen them; what we hear
    (commands, queries) may loosen, never tighten.

    [bold]Examples[/bold]

      $ ledgerlink contracts check

      $ ledgerlink contracts check --json | jq -r '.breaks[]'
    """
    from contracts.catalogue import catalogue

    found = _breaks(released, catalogue())
    if as_json:
        typer.echo(json.dumps({"breaks": found}, indent=2))
    else:
        typer.echo("\n".join(found) if found else "Nothing that was released is broken.")
        if found:
            typer.echo("Publish the change as a new version of the message, beside the one that was released.")
    if found:
        raise typer.Exit(1)


@app.command("release")
def release(released: Released = RELEASED) -> None:
    """Promise the messages as they are now: later changes are held against them.

    Exits with 1, and promises nothing, where that would break what was promised before.

    [bold]Examples[/bold]

      $ ledgerlink contracts release
    """
    from contracts.catalogue import catalogue

    now = catalogue()
    if released.exists() and (found := _breaks(released, now)):
        typer.echo("\n".join(found))
        raise typer.Exit(1)
    released.parent.mkdir(parents=True, exist_ok=True)
    released.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n")
    typer.echo(f"{len(now['messages'])} messages are promised in {released}.")


def _breaks(released: Path, now: "Json") -> list[str]:
    from contracts.compatibility import breaks

    if not released.exists():
        raise ValueError(f"{released} is not there: run this in the repository, or `ledgerlink contracts release`")
    return breaks(json.loads(released.read_text()), now)
