"""`ledgerlink run`: one process in the foreground."""

from typing import Annotated

import typer

PROCESSES = ("identity", "wallet", "payments", "risk", "gateway", "sandbox_processor")


def _known(name: str) -> str:
    if name not in PROCESSES:
        raise typer.BadParameter(f"there is no process {name}; there are {', '.join(PROCESSES)}")
    return name


def run(
    process: Annotated[
        str,
        typer.Argument(help=f"The process to run: {', '.join(PROCESSES)}.", callback=_known),
    ],
) -> None:
    """Run one service, the gateway, or the sandbox processor, in the foreground until SIGTERM.

    Its settings come from the environment (WALLET_DATABASE_URL, WALLET_NATS_URL, WALLET_NATS_SEED ...), so that it
    runs against any PostgreSQL, NATS and Redis.

    [bold]Examples[/bold]

      $ ledgerlink run wallet

      $ GATEWAY_HTTP_PORT=9000 ledgerlink run gateway
    """
    from ops.process import run_process

    run_process(process)
