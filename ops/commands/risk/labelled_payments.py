"""What the commands that read labelled payments share: the file, its format, and the kind of model."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """The formats of files of labelled payments."""

    FRAUD_HANDBOOK = "fraud-handbook"


class KindOption(StrEnum):
    """The kinds of model, as ops.risk_model.fitting has them: that is not imported until it is needed."""

    TREES = "trees"
    LOGISTIC = "logistic"


Transactions = Annotated[
    Path, typer.Option(help="Labelled payments: CSV or parquet, gzip or not.", exists=True, dir_okay=False)
]
FormatOption = Annotated[Format, typer.Option("--format", help="The format of the file.")]
OneKind = Annotated[KindOption, typer.Option(help="The kind of model.")]


@contextmanager
def one_message() -> Iterator[None]:
    """Tell what is wrong with a file or a period in one sentence, and exit with code 1."""
    try:
        from ops.risk_model.errors import RiskModelError
    except ImportError as error:
        typer.echo(f"Error: training needs {error.name}; install the group with: uv sync --group train", err=True)
        raise typer.Exit(1) from None
    try:
        yield
    except RiskModelError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from None
