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
    from contracts.topology import SERVICES
    from ops.stack.errors import StackError
    from outbox.migrate import migrate as to_newest
    from outbox.migrate import migration_url

    for unknown in set(services or ()) - set(SERVICES):
        raise StackError(f"there is no service {unknown}; there are {', '.join(SERVICES)}")
    for service in services or SERVICES:
        to_newest(service, migration_url(service))
        typer.echo(f"{service}: up to date")
