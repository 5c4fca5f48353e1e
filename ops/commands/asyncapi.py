"""`ledgerlink asyncapi`: write the AsyncAPI documents, or check that the committed ones are not out of date."""

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
    """Generate the AsyncAPI 3 documents of all services from the code.

    Examples:
      ledgerlink asyncapi

      ledgerlink asyncapi --check
    """
    from contracts.asyncapi import DOCUMENTED, document

    console = Console()
    drifted = []
    for application in DOCUMENTED:
        path = directory / f"{application}.json"
        text = json.dumps(document(application), indent=2, ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text() != text:
            drifted.append(path)
            if not check:
                directory.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    if check and drifted:
        console.print(f"Out of date: {', '.join(map(str, drifted))}. Run `ledgerlink asyncapi` and commit the result.")
        raise typer.Exit(1)
    console.print("Up to date." if not drifted else f"Wrote {', '.join(map(str, drifted))}.")
