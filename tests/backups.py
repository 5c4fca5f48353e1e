"""A service's database as a backup keeps it: dumped and restored by PostgreSQL's own programs."""

import asyncio
import os
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from ops.stack import binaries
from ops.stack.stack import Stack

PROGRAM_SECONDS = 60.0


async def dump(stack: Stack, service: str, path: Path) -> None:
    """Write a service's database, as it is at this moment, into a file."""
    await _run(stack, "pg_dump", "--format=custom", f"--file={path}", service)


async def restore(stack: Stack, service: str, path: Path) -> None:
    """Put a dump in the place of a service's database, with the rights that it had; whoever is connected is cut off."""
    admin = await asyncpg.connect(stack.parts.postgres.superuser_url())
    try:
        drop = await admin.fetchval("SELECT format('DROP DATABASE %I WITH (FORCE)', $1::text)", service)
        await admin.execute(drop)
    finally:
        await admin.close()
    await _run(stack, "pg_restore", "--create", "--exit-on-error", "--dbname=postgres", str(path))


async def _run(stack: Stack, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs as the administrator, whose password is in its environment only."""
    address = urlsplit(stack.parts.postgres.superuser_url())
    environment = {
        "PATH": os.defpath,
        "PGHOST": str(address.hostname),
        "PGPORT": str(address.port),
        "PGUSER": str(address.username),
        "PGPASSWORD": str(address.password),
    }
    process = await asyncio.create_subprocess_exec(
        *(str(binaries.postgres_bin() / program), "--no-password", *arguments),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PROGRAM_SECONDS):
        _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
