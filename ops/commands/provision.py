"""`ledgerlink provision`: the streams and durable consumers of the topology."""

from typing import Annotated

import typer


def provision(
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and make again what NATS loses.")] = False,
) -> None:
    """Create or change NATS's streams and durable consumers to what this version needs.

    Reads PROVISIONER_NATS_URL and PROVISIONER_NATS_SEED from the environment.

    [bold]Examples[/bold]

      $ ledgerlink provision

      $ ledgerlink provision --watch
    """
    from ops.provisioning import run, run_once

    if watch:
        run()
    else:
        changed = run_once()
        typer.echo(f"created or changed: {', '.join(changed)}" if changed else "nothing to change")
