"""Options that several commands share."""

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
