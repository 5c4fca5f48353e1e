"""`ledgerlink asyncapi`: write the AsyncAPI documents and their pages, or check that the committed ones are not old."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

DIRECTORY = Path("docs/asyncapi")


def asyncapi(
    directory: Annotated[Path, typer.Option(help="Where the documents are.")] = DIRECTORY,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 when a document has drifted.")
    ] = False,
) -> None:
    """Generate the AsyncAPI 3 documents of all applications and of the system from the code, and pages to read them.

    Examples:
      ledgerlink asyncapi

      ledgerlink asyncapi --check
    """
    from contracts.asyncapi import documents
    from gateway.message_pages.pages import files

    console = Console()
    made = documents()
    texts = {
        f"{name}.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n" for name, document in made.items()
    }
    texts |= {name: content.decode() for name, content in files(made).items()}
    drifted = [name for name, text in texts.items() if _content(directory / name) != text]
    if check and drifted:
        console.print(f"Out of date: {', '.join(drifted)}. Run `ledgerlink asyncapi` and commit the result.")
        raise typer.Exit(1)
    for name in drifted:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(texts[name])
    console.print("Up to date." if not drifted else f"Wrote {', '.join(drifted)} to {directory}.")


def _content(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
