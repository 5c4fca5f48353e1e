"""Options that several commands share."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATA_DIR = Path(".ledgerlink")
DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir", envvar="LEDGERLINK_DATA_DIR", help="Where the embedded stack keeps its data.", file_okay=False
    ),
]


def command_on(data_dir: Path, command: str) -> str:
    """Return how to call a command on the same data, as it is typed."""
    option = "" if data_dir == DEFAULT_DATA_DIR else f" --data-dir {shlex.quote(str(data_dir))}"
    return f"ledgerlink {command}{option}"
