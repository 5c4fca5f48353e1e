"""Databases as backups keep them: one service's as a dump, all of a cluster as it stands on disk."""

import asyncio
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from ops.stack import binaries
from ops.stack.layout import Layout
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


async def copy_cluster(stack: Stack, path: Path) -> None:
    """Copy the whole cluster, as of one moment, while it runs: a base backup with the log that makes it consistent."""
    await _run(stack, "pg_basebackup", f"--pgdata={path}", "--wal-method=stream", "--checkpoint=fast")


def put_back_cluster(layout: Layout, path: Path) -> None:
    """Put a base backup in the place of a stopped stack's cluster, in the name of who runs it; empty the broker."""
    owner = layout.postgres.stat()
    shutil.rmtree(layout.postgres)
    shutil.copytree(path, layout.postgres)
    for file in (layout.postgres, *layout.postgres.rglob("*")):
        os.chown(file, owner.st_uid, owner.st_gid)
    layout.postgres.chmod(0o700)
    shutil.rmtree(layout.jetstream)


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
