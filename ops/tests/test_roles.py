"""Who may enter which database, and do what there."""

import asyncpg
import pytest

from tests.fresh_databases import FreshDatabaseFactory


async def test_runtime_role_cannot_make_tables(fresh_database: FreshDatabaseFactory) -> None:
    database = await fresh_database("wallet", migrated=False)
    connection = await asyncpg.connect(database.url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CREATE TABLE mine (id int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CREATE TEMPORARY TABLE mine (id int)")
    await connection.close()


async def test_owner_makes_tables_that_the_runtime_role_cannot_read_ungranted(
    fresh_database: FreshDatabaseFactory,
) -> None:
    database = await fresh_database("wallet", migrated=False)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("CREATE TABLE ledger (id int)")
    runtime = await asyncpg.connect(database.url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await runtime.fetch("SELECT id FROM ledger")
    await owner.close()
    await runtime.close()


@pytest.mark.parametrize("target", ["payments", "postgres", "template1"])
async def test_no_role_enters_another_database(fresh_database: FreshDatabaseFactory, target: str) -> None:
    wallet = await fresh_database("wallet", migrated=False)
    for url in (wallet.url, wallet.owner_url):
        foreign = url.replace(f"/{wallet.name}", f"/{target}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await asyncpg.connect(foreign)


async def test_a_wrong_password_is_refused(fresh_database: FreshDatabaseFactory) -> None:
    wallet = await fresh_database("wallet", migrated=False)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wallet.url, password="wrong")
