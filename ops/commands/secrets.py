"""`ledgerlink secrets`: every secret of a deployment in containers."""

from pathlib import Path
from typing import Annotated

import typer


def secrets(
    directory: Annotated[Path, typer.Argument(help="Where to write; each container gets a directory below it.")],
) -> None:
    """Make the secrets of a deployment in containers: a directory for each container, a file for each setting.

    Secrets that are there already are kept. compose.yaml runs this once before all else; each directory is a volume
    that only its container sees, named by LEDGERLINK_SECRETS_DIR there.

    [bold]Examples[/bold]

      $ ledgerlink secrets /secrets
    """
    from ops.secret_files import write_secret_files

    containers = write_secret_files(directory)
    typer.echo(f"Secrets for {len(containers)} containers are in {directory}: {', '.join(containers)}")
