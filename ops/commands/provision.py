"""`ledgerlink provision`: the streams and durable consumers of the topology."""

from enum import StrEnum
from typing import Annotated

import typer


class ToldAgain(StrEnum):
    """The services that do again what they forgot under the very ids of before; payments would ask under new ones."""

    WALLET = "wallet"
    RISK = "risk"


def provision(
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and make again what NATS loses.")] = False,
    again: Annotated[
        ToldAgain | None,
        typer.Option(help="Tell this service again all that it was told: its database was restored from a backup."),
    ] = None,
) -> None:
    """Create or change NATS's streams and durable consumers to what this version needs.

    Stop the service before it is told `--again`, and start it afterwards (docs/runbooks/restore.md).

    Reads PROVISIONER_NATS_URL and PROVISIONER_NATS_SEED from the environment.

    [bold]Examples[/bold]

      $ ledgerlink provision

      $ ledgerlink provision --watch

      $ ledgerlink provision --again wallet
    """
    from ops.provisioning import run, run_once

    if watch and again:
        raise typer.BadParameter("is done once: leave --watch out", param_hint="--again")
    if watch:
        run()
    else:
        changed = run_once(again)
        typer.echo(f"created or changed: {', '.join(changed)}" if changed else "nothing to change")
