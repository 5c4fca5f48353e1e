"""Migrations: each room's alembic scripts, run under the role that owns the room's database."""

import asyncio
import io
import sys
import time
from pathlib import Path
from typing import TextIO

from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from asyncpg.exceptions import LockNotAvailableError
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict
from sqlalchemy import Connection, MetaData, make_url, pool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from outbox.settings import EnvironmentSettings

APPS = Path(__file__).parent.parent / "apps"
LOCK_SECONDS = 2
PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts: meanwhile those who waited behind the migration go on."""


class MigrationSettings(EnvironmentSettings):
    """Where a room's owner role reaches its database; only migrations know that role's password."""

    migration_database_url: SecretStr


def migration_url(service: str) -> str:
    """Read `<SERVICE>_MIGRATION_DATABASE_URL`. Raises InvalidSettingsError when it is not set."""

    class Settings(MigrationSettings):
        model_config = SettingsConfigDict(env_prefix=f"{service.upper()}_")

    return Settings().migration_database_url.get_secret_value()


class MigrationBlockedError(Exception):
    """Others would not let go of what a migration has to lock. What came before it stays done."""


def migrate(service: str, url: str, revision: str = "head") -> None:
    """Bring one room's database to a revision, the newest. `url` is a postgresql:// URL of the owner role.

    A migration that waits for a lock makes everybody wait who comes after it. So it does not wait for long, and is
    tried again a few times. Raises MigrationBlockedError then. Starts an event loop of its own: call it from a thread
    where one runs already.
    """
    config = _config(service)
    config.attributes["url"] = url
    for pause in (*PAUSES, None):
        try:
            command.upgrade(config, revision)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != LockNotAvailableError.sqlstate:
                raise
            if pause is None:
                raise MigrationBlockedError(f"{service}: the database is too busy to be changed; try again") from error
            time.sleep(pause)
        else:
            return


def revisions(service: str) -> list[str]:
    """Return a room's revisions, the first one first."""
    walked = ScriptDirectory.from_config(_config(service)).walk_revisions()
    return [script.revision for script in walked][::-1]


def sql_of(service: str, before: str, revision: str) -> str:
    """Return what the migration from one revision to the next one says, as SQL."""
    written = io.StringIO()
    command.upgrade(_config(service, written), f"{before}:{revision}", sql=True)
    return written.getvalue()


def run_migrations(metadata: MetaData) -> None:
    """Run the scripts, or write down what they say; the one line of each room's migrations/env.py."""
    if not context.is_offline_mode():
        asyncio.run(_run(context.config.attributes["url"], metadata))
        return
    context.configure(
        dialect_name="postgresql", target_metadata=metadata, literal_binds=True, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


def _config(service: str, written: TextIO = sys.stdout) -> Config:
    config = Config(output_buffer=written)
    config.set_main_option("script_location", str(APPS / service / "migrations"))
    return config


async def _run(url: str, metadata: MetaData) -> None:
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        poolclass=pool.NullPool,
        connect_args={"server_settings": {"lock_timeout": f"{LOCK_SECONDS}s"}},
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run_on, metadata)
    finally:
        await engine.dispose()


def _run_on(connection: Connection, metadata: MetaData) -> None:
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
