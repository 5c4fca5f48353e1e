"""`ledgerlink run`: one process, a service or the gateway, in the foreground."""

from enum import StrEnum
from typing import Annotated

import typer


class Process(StrEnum):
    """What can be run on its own."""

    IDENTITY = "identity"
    WALLET = "wallet"
    PAYMENTS = "payments"
    RISK = "risk"
    GATEWAY = "gateway"


def run(process: Annotated[Process, typer.Argument(help="The service to run, or the gateway.")]) -> None:
    """Run one service, or the gateway, in the foreground until SIGTERM.

    Its settings come from the environment (WALLET_DATABASE_URL, WALLET_NATS_URL, WALLET_NATS_SEED ...), so that it
    runs against any PostgreSQL, NATS and Redis.

    [bold]Examples[/bold]

      $ ledgerlink run wallet

      $ GATEWAY_HTTP_PORT=9000 ledgerlink run gateway
    """
    from ops.process import run_process

    run_process(process.value)
