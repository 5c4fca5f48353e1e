"""A fresh database per test, copied from a template into which a service's migrations ran once."""

import asyncio
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import asyncpg

from ops.stack.postgres import Postgres

CONNECT_DEADLINE = 5.0
STATEMENT_DEADLINE = 60.0


@dataclass(frozen=True)
class FreshDatabase:
    """A database of one test: `url` is that of the service's runtime role, `owner_url` that of its owner."""

    name: str
    url: str
    owner_url: str


class FreshDatabaseFactory(Protocol):
    """Makes a database for a service; `migrated=False` leaves it as `ledgerlink up` makes it, without tables."""

    async def __call__(self, service: str, *, migrated: bool = True) -> FreshDatabase:
        """Make one."""


class Cluster:
    """The session's PostgreSQL, and the templates in it."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres
        self._numbers = count(1)
        self._templates: set[str] = set()

    async def fresh(self, service: str, *, migrated: bool) -> FreshDatabase:
        """Make a database with the same roles and rights as the service's own."""
        template = await self._template(service) if migrated else service
        return await self._copied(template, service, f"{service}_{next(self._numbers)}")

    async def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        await self._execute("DROP DATABASE %I WITH (FORCE)", name)

    async def _template(self, service: str) -> str:
        name = f"{service}_template"
        if service not in self._templates:
            empty = await self._copied(service, service, name)
            from outbox.migrate import migrate  # alembic takes long to import, and not every test needs it

            await asyncio.to_thread(migrate, service, empty.owner_url)
            self._templates.add(service)
        return name

    async def _copied(self, template: str, service: str, name: str) -> FreshDatabase:
        owner = f"{service}_owner"
        # WAL_LOG, a tenth of FILE_COPY's time: no checkpoints. Rights on a database itself are not copied with it.
        await self._execute("CREATE DATABASE %I TEMPLATE %I OWNER %I STRATEGY wal_log", name, template, owner)
        await self._execute("REVOKE ALL ON DATABASE %I FROM PUBLIC", name)
        await self._execute("GRANT CONNECT ON DATABASE %I TO %I", name, service)
        passwords = self.postgres.secrets.role_passwords
        return FreshDatabase(
            name=name,
            url=self.postgres.url(service, passwords[service], name),
            owner_url=self.postgres.url(owner, passwords[owner], name),
        )

    async def _execute(self, statement: str, *names: str) -> None:
        """Run a statement in which names cannot be parameters; PostgreSQL itself quotes them."""
        admin = await asyncpg.connect(self.postgres.superuser_url(), timeout=CONNECT_DEADLINE)
        try:
            quoted = await admin.fetchval("SELECT format($1, VARIADIC $2::text[])", statement, list(names))
            await admin.execute(quoted, timeout=STATEMENT_DEADLINE)
        finally:
            await admin.close(timeout=CONNECT_DEADLINE)
