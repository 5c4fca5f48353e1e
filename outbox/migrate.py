"""Migrations: each room's alembic scripts, run under the role that owns the room's database."""

import asyncio
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict
from sqlalchemy import Connection, MetaData, make_url, pool
from sqlalchemy.ext.asyncio import create_async_engine

from outbox.settings import EnvironmentSettings

APPS = Path(__file__).parent.parent / "apps"


class MigrationSettings(EnvironmentSettings):
    """Where a room's owner role reaches its database; only migrations know that role's password."""

    migration_database_url: SecretStr


def migration_url(service: str) -> str:
    """Read `<SERVICE>_MIGRATION_DATABASE_URL`. Raises InvalidSettingsError when it is not set."""

    class Settings(MigrationSettings):
        model_config = SettingsConfigDict(env_prefix=f"{service.upper()}_")

    return Settings().migration_database_url.get_secret_value()


def migrate(service: str, url: str, revision: str = "head") -> None:
    """Bring one room's database to a revision, the newest. `url` is a postgresql:// URL of the owner role.

    Starts an event loop of its own: call it from a thread where one runs already.
    """
    config = Config()
    config.set_main_option("script_location", str(APPS / service / "migrations"))
    config.attributes["url"] = url
    command.upgrade(config, revision)


def run_migrations(metadata: MetaData) -> None:
    """Run the scripts; the one line of each room's migrations/env.py."""
    asyncio.run(_run(context.config.attributes["url"], metadata))


async def _run(url: str, metadata: MetaData) -> None:
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run_on, metadata)
    finally:
        await engine.dispose()


def _run_on(connection: Connection, metadata: MetaData) -> None:
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
