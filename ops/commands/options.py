"""Options that several commands share."""

import shlex
from datetime import UTC, datetime
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
TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


def in_utc(moment: datetime | None) -> datetime | None:
    """Return a time that was typed; without a zone it is UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def command_on(data_dir: Path, command: str) -> str:
    """Return how to call a command on the same data, as it is typed."""
    option = "" if data_dir == DEFAULT_DATA_DIR else f" --data-dir {shlex.quote(str(data_dir))}"
    return f"ledgerlink {command}{option}"
