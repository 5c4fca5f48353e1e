"""`ledgerlink broker-node`: the configuration of one node of a NATS cluster."""

from pathlib import Path
from typing import Annotated

import typer


def broker_node(
    directory: Annotated[Path, typer.Argument(help="Where nats.conf and certificates are written.")],
) -> None:
    """Write the configuration of one node of a cluster of NATS servers: users, permissions, TLS, routes.

    Reads BROKER_NODE, BROKER_NODES, BROKER_DOMAIN, BROKER_PUBLIC_KEYS, BROKER_ROUTE_PASSWORD, BROKER_CERTIFICATE,
    BROKER_CERTIFICATE_KEY and BROKER_AUTHORITY from the environment.

    [bold]Examples[/bold]

      $ ledgerlink broker-node /run/ledgerlink
    """
    from ops.broker_node import write

    write(directory)
