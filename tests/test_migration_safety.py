"""Migrations can run beside the code of before: a linter reads them, and none waits for a lock at others' expense."""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import orjson
import pytest

from contracts.topology import SERVICES
from outbox import migrate as migrating
from outbox.migrate import MigrationBlockedError, migrate, revisions, sql_of
from tests.fresh_databases import FreshDatabaseFactory

SQUAWK = Path(sys.executable).with_name("squawk")
UNRELEASED = {"identity": "0003", "wallet": "0005", "payments": "0006", "risk": "0009"}
"""By service the last revision of before the first release: nobody has data that these must not keep waiting."""
NOT_OURS = (
    "prefer-robust-stmts",  # a migration is one transaction: it is done or not
    "require-lock-timeout",  # `migrate` sets one
    "require-statement-timeout",  # building an index takes as long as it takes, and holds nobody up
    "prefer-bigint-over-int",  # each width is chosen
    "prefer-bigint-over-smallint",
)


def _findings(sql: str) -> list[str]:
    """Return the names of the rules that SQL breaks."""
    arguments = ["--reporter", "json", "--pg-version", "18", "--exclude", ",".join(NOT_OURS)]
    command = [str(SQUAWK), *arguments]
    done = subprocess.run(command, input=sql, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert done.returncode in {0, 1}, done.stderr
    return [found["rule_name"] for found in orjson.loads(done.stdout)]


def _since_the_release() -> Iterator[tuple[str, str, str]]:
    for service in SERVICES:
        for before, revision in itertools.pairwise(revisions(service)):
            if revision > UNRELEASED[service]:
                yield service, before, revision


def test_migrations_since_the_first_release_change_nothing_under_running_code() -> None:
    found = {f"{service} {revision}": _findings(sql_of(service, before, revision)) for service, before, revision in
             _since_the_release()}  # fmt: skip
    assert not {name: rules for name, rules in found.items() if rules}


DANGEROUS = {
    "ALTER TABLE payment_intent DROP COLUMN note": "ban-drop-column",
    "ALTER TABLE payment_intent RENAME COLUMN note TO remark": "renaming-column",
    "ALTER TABLE payment_intent RENAME TO payment": "renaming-table",
    "ALTER TABLE payment_intent ADD COLUMN note text NOT NULL": "adding-required-field",
    "ALTER TABLE payment_intent ALTER COLUMN note SET NOT NULL": "adding-not-nullable-field",
    "ALTER TABLE payment_intent ALTER COLUMN amount TYPE numeric": "changing-column-type",
    "ALTER TABLE payment_intent ADD CONSTRAINT positive CHECK (amount > 0)": "constraint-missing-not-valid",
    "CREATE INDEX payment_intent_note ON payment_intent (note)": "require-concurrent-index-creation",
    "DROP INDEX payment_intent_note": "require-concurrent-index-deletion",
    "DROP TABLE payment_intent": "ban-drop-table",
}


@pytest.mark.parametrize(("statement", "rule"), DANGEROUS.items())
def test_what_running_code_would_not_survive_is_found(statement: str, rule: str) -> None:
    assert rule in _findings(f"BEGIN;\n{statement};\nCOMMIT;\n")


@pytest.mark.parametrize(
    "statement",
    [
        "BEGIN;\nALTER TABLE payment_intent ADD COLUMN note text;\nCOMMIT;",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS payment_intent_note ON payment_intent (note);",
        (
            "BEGIN;\n-- Nobody reads it since the last release.\n-- squawk-ignore ban-drop-column\n"
            "ALTER TABLE payment_intent DROP COLUMN note;\nCOMMIT;"
        ),
    ],
)
def test_what_is_added_or_justified_is_not(statement: str) -> None:
    assert _findings(statement) == []


def test_every_migration_can_be_written_down() -> None:
    for service in SERVICES:
        for before, revision in itertools.pairwise(revisions(service)):
            assert f"version_num='{revision}' WHERE" in sql_of(service, before, revision)


async def test_a_migration_gives_way_to_who_holds_a_lock(
    fresh_database: FreshDatabaseFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is given up, or the lock is gone; others read and write on meanwhile."""
    monkeypatch.setattr(migrating, "LOCK_SECONDS", 1)
    monkeypatch.setattr(migrating, "PAUSES", (0.1,))
    database = await fresh_database("payments", migrated=False)
    await asyncio.to_thread(migrate, "payments", database.owner_url, "0005")
    somebody = await asyncpg.connect(database.owner_url)
    await somebody.execute("BEGIN; LOCK TABLE inbound_webhook")
    with pytest.raises(MigrationBlockedError, match="payments: the database is too busy"):
        await asyncio.to_thread(migrate, "payments", database.owner_url, "0006")
    waiting = await somebody.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
    assert waiting == 0
    await somebody.execute("COMMIT")
    await asyncio.to_thread(migrate, "payments", database.owner_url, "0006")
    assert await somebody.fetchval("SELECT version_num FROM alembic_version") == "0006"
    await somebody.close()
