"""Bringing the services' databases to the newest schema: what `ledgerlink migrate` and the supervisor run."""

from collections.abc import Sequence

import alembic.command  # noqa: F401  # loaded with this module, while PostgreSQL still starts
import sqlalchemy.ext.asyncio  # noqa: F401

from contracts.topology import SERVICES
from ops.stack.errors import StackError
from outbox.migrate import MigrationBlockedError, migrate, migration_url


def run(services: Sequence[str] = SERVICES) -> None:
    """Migrate each service's database under the role that owns it (<SERVICE>_MIGRATION_DATABASE_URL).

    Raises StackError for an unknown service, InvalidSettingsError when a URL is not set; both at the start. Raises
    StackError where a database is too busy to be changed.
    """
    for unknown in set(services) - set(SERVICES):
        raise StackError(f"there is no service {unknown}; there are {', '.join(SERVICES)}")
    urls = {service: migration_url(service) for service in services}
    for service, url in urls.items():
        try:
            migrate(service, url)
        except MigrationBlockedError as error:
            raise StackError(str(error)) from error
        print(f"{service}: up to date", flush=True)  # noqa: T201
