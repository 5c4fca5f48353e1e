"""The next version takes over process by process under load: old code on the new schema, then one after the other."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil
import pytest

from contracts.topology import PROVISIONER, SERVICES
from ops.stack.component import Component
from ops.stack.parts import Parts
from ops.stack.stack import Stack
from outbox.migrate import revisions
from tests.town import AFTER, BEFORE, check, open_town

PROJECT = Path(__file__).parents[1]
ROOMS = ("apps", "contracts", "gateway", "ops", "outbox", "docs")
PROMISED = "docs/guides/migrations.md"
"""Versions that have this file may be replaced while they run."""
ONE_BY_ONE = (PROVISIONER, *SERVICES, "gateway")
NEXT = "9999"
EXPAND = f'''
from alembic import op

revision = "{NEXT}"
down_revision = "{revisions("payments")[-1]}"


def upgrade() -> None:
    op.execute("ALTER TABLE payment_intent ADD COLUMN colour text, ADD COLUMN size integer NOT NULL DEFAULT 0")
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY payment_intent_colour ON payment_intent (colour)")
'''


async def test_the_next_version_takes_over_from_this_one_without_a_failed_payment(
    _servers_directory: Path,  # noqa: PT019
    tmp_path: Path,
) -> None:
    for room in ROOMS:
        shutil.copytree(PROJECT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    (tmp_path / "apps/payments/migrations/versions" / f"{NEXT}_colours.py").write_text(EXPAND)
    assert await _upgrade(_servers_directory / "next", tmp_path) == NEXT


async def test_this_version_takes_over_from_the_previous_one_without_a_failed_payment(
    _servers_directory: Path,  # noqa: PT019
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _archive(os.environ.get("UPGRADE_FROM") or pytest.skip("UPGRADE_FROM names no commit"), tmp_path)
    made = Parts.components
    monkeypatch.setattr(Parts, "components", lambda parts: [_running(tmp_path, c) for c in made(parts)])
    assert await _upgrade(_servers_directory / "previous", PROJECT) == revisions("payments")[-1]


async def _upgrade(data: Path, tree: Path) -> str:
    """Let the code of a tree take over while customers pay; return the schema that payments has then."""
    async with open_town(data) as town:
        before = await town.balances()
        async with town.stream() as stream:
            await stream.answered(BEFORE)
            await asyncio.to_thread(_migrate, town.stack, tree)
            await stream.answered(BEFORE)
            for name in ONE_BY_ONE:
                await town.stack.stop_process(name)
                keeper = town.stack.supervisor[name]
                keeper.component = _running(tree, keeper.component)
                await town.stack.start_process(name)
                assert psutil.Process(town.stack.pid(name)).environ()["PYTHONPATH"] == str(tree)
                await stream.answered(AFTER // 4)
            await stream.answered(AFTER)
        await check(town, stream, before)
        connection = await asyncpg.connect(town.stack.parts.postgres.owner_url("payments"))
        try:
            return str(await connection.fetchval("SELECT version_num FROM alembic_version"))
        finally:
            await connection.close()


def _running(tree: Path, component: Component) -> Component:
    """Return a component whose Python code is that of a tree."""
    return replace(component, environment={**component.environment, "PYTHONPATH": str(tree)})


def _migrate(stack: Stack, tree: Path) -> None:
    migrations = next(c for c in stack.parts.components() if c.name == "migrate")
    environment: Mapping[str, str] = _running(tree, migrations).environment
    argv = [word for word in migrations.argv if not word.startswith("--")]
    subprocess.run(argv, env=dict(environment), cwd=tree, check=True, timeout=60)  # noqa: S603


def _archive(commit: str, tree: Path) -> None:
    """Write the rooms as they were at a commit; skip where that is not known, or was before the promise."""
    git = shutil.which("git") or pytest.skip("there is no git")
    known = subprocess.run([git, "cat-file", "-e", f"{commit}:{PROMISED}"], cwd=PROJECT, check=False)  # noqa: S603
    if known.returncode:
        pytest.skip(f"{commit} is not known here, or makes no promise")
    archive = tree / "rooms.tar"
    subprocess.run([git, "archive", "-o", archive, commit, *ROOMS], cwd=PROJECT, check=True)  # noqa: S603
    shutil.unpack_archive(archive, tree, filter="data")
    archive.unlink()
