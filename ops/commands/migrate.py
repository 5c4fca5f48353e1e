"""`ledgerlink migrate`: every service's database to its newest schema."""

from typing import Annotated

import typer


def migrate(
    services: Annotated[list[str] | None, typer.Argument(help="Which services' databases (default: all).")] = None,
) -> None:
    """Bring the services' databases to the newest schema, each under the role that owns it.

    Reads WALLET_MIGRATION_DATABASE_URL and so on from the environment.

    [bold]Examples[/bold]

      $ ledgerlink migrate

      $ WALLET_MIGRATION_DATABASE_URL=postgresql://wallet_owner@db/wallet ledgerlink migrate wallet
    """
    from ops.migration import run

    run(services) if services else run()
