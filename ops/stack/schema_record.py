"""Which schema the embedded databases were brought to, so that an unchanged one costs no second of each start."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pydantic import BaseModel, ValidationError

from contracts.topology import SERVICES
from ops.stack.postgres import CONNECT_DEADLINE, Postgres
from ops.stack.private_files import write_private

PROJECT = Path(__file__).parents[2]
SOURCES = ("apps/*/migrations/**/*.py", "outbox/schema.py")


class Schema(BaseModel):
    """A hash of the migrations' sources, and the revision that each service's database is at."""

    sources: str
    revisions: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class SchemaRecord:
    """The schema that the last successful migration left, kept in a file."""

    path: Path
    postgres: Postgres

    async def is_outdated(self) -> bool:
        """Say whether the migrations must run: they changed, or a database is not where they left it."""
        try:
            known = Schema.model_validate_json(self.path.read_text())
        except (FileNotFoundError, ValidationError):
            return True
        return known != await self._now()

    async def remember(self) -> None:
        """Note the schema as it is now, after the migrations ran."""
        write_private(self.path, (await self._now()).model_dump_json(indent=2) + "\n")

    async def _now(self) -> Schema:
        revisions = await asyncio.gather(*(self._revision(service) for service in SERVICES))
        return Schema(sources=_hash_of_sources(), revisions=dict(zip(SERVICES, revisions, strict=True)))

    async def _revision(self, service: str) -> str | None:
        connection = await asyncpg.connect(self.postgres.owner_url(service), timeout=CONNECT_DEADLINE)
        try:
            revision = await connection.fetchval("SELECT version_num FROM alembic_version")
        except asyncpg.UndefinedTableError:
            return None
        finally:
            connection.terminate()
        return None if revision is None else str(revision)


def _hash_of_sources() -> str:
    found = sorted(path for pattern in SOURCES for path in PROJECT.glob(pattern))
    digest = hashlib.sha256()
    for path in found:
        digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
