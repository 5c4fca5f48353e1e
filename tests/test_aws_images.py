"""The entries of the images for AWS, on a real PostgreSQL whose administrator is no superuser, as RDS has it."""

import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import pytest

from deploy.aws import certificates
from ops.stack import binaries
from ops.stack.component import nothing
from ops.stack.ports import HOST, free_port
from ops.stack.postgres import SERVICE_DATABASE_SQL, Postgres
from ops.stack.secrets import Secrets
from tests.embedded_servers import EmbeddedServer

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "deploy" / "aws" / "images"
PASSWORD = "a-long-enough-password"
SECONDS = 60


def run(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    path = f"{binaries.postgres_bin()}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(  # noqa: S603
        command, env={"PATH": path, **environment}, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@dataclass(frozen=True)
class Rds:
    """PostgreSQL with an administrator who is no superuser; the one of the tests speaks no TLS."""

    port: int

    @property
    def url(self) -> str:
        return f"postgresql://{HOST}:{self.port}/wallet"

    def makes_databases(self) -> subprocess.CompletedProcess[str]:
        environment = login("ledgerlink_admin") | {
            "SERVICE": "wallet",
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "WALLET_PASSWORD": PASSWORD,
            "WALLET_OWNER_PASSWORD": PASSWORD,
            "SERVICE_DATABASE_SQL": str(SERVICE_DATABASE_SQL),
        }
        return run(["sh", str(IMAGES / "databases" / "entrypoint.sh")], environment)

    def migrates(self, **others: str) -> subprocess.CompletedProcess[str]:
        environment = login("wallet_owner") | {"WALLET_MIGRATION_DATABASE_URL": self.url} | others
        return run([sys.executable, "-m", "ops", "migrate", "wallet"], environment)


def login(user: str) -> dict[str, str]:
    """The variables that a task gets from Secrets Manager."""
    return {"PGUSER": user, "PGPASSWORD": PASSWORD}


@pytest.fixture
async def rds(_servers_directory: Path) -> AsyncIterator[Rds]:
    directory = _servers_directory / f"rds-{secrets.token_hex(4)}"
    directory.mkdir()
    postgres = Postgres(directory / "postgres", free_port(), Secrets().complete(), durable=False)
    server = EmbeddedServer(replace(postgres.component(), once_healthy=nothing), directory)
    await server.start()
    superuser = await asyncpg.connect(postgres.superuser_url())
    await superuser.execute(f"CREATE ROLE ledgerlink_admin LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}'")
    for database in ("postgres", "template1"):
        await superuser.execute(f"ALTER DATABASE {database} OWNER TO ledgerlink_admin")
    await superuser.close()
    yield Rds(postgres.port)
    await server.close()


async def test_an_administrator_who_is_no_superuser_makes_a_database_that_migrates_and_rotates(rds: Rds) -> None:
    for _ in range(2):  # the second time there is nothing to do
        made = rds.makes_databases()
        assert made.returncode == 0, made.stderr

    migrated = rds.migrates()
    assert migrated.returncode == 0, migrated.stderr

    # As Secrets Manager's rotation for two users in turn does it: the service's second user is a member of the first.
    place = f"{PASSWORD}@{HOST}:{rds.port}"
    administrator = await asyncpg.connect(f"postgresql://ledgerlink_admin:{place}/postgres")
    await administrator.execute(f"CREATE ROLE wallet_clone LOGIN PASSWORD '{PASSWORD}'")
    await administrator.execute("GRANT wallet TO wallet_clone")
    await administrator.close()
    for user in ("wallet", "wallet_clone"):
        service = await asyncpg.connect(f"postgresql://{user}:{place}/wallet")
        assert await service.fetchval("SELECT count(*) FROM transfer") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute("DROP TABLE transfer")
        await service.close()


async def test_a_database_that_does_not_prove_who_it_is_is_not_migrated(rds: Rds, tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_text(certificates.make([]).authority)
    assert rds.makes_databases().returncode == 0
    migrated = rds.migrates(PGSSLMODE="verify-full", PGSSLROOTCERT=str(authority))
    assert migrated.returncode == 1
    assert "SSL" in migrated.stderr
    assert "Traceback" not in migrated.stderr


def test_our_process_is_told_of_the_brokers_authority_and_valkeys_password(tmp_path: Path) -> None:
    ours = tmp_path / "ledgerlink"
    ours.write_text('#!/bin/sh\necho "$@"\nenv\n')
    ours.chmod(0o755)
    system, trusted = tmp_path / "system.pem", tmp_path / "trusted.pem"
    system.write_text("the public authorities\n")
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "SYSTEM_CERTIFICATES": str(system),
        "LEDGERLINK_TRUSTED": str(trusted),
        "NATS_AUTHORITY": "our own",
        "REDIS_PASSWORD": "secret",
        "REDIS_ADDRESS": "cache:6379",
    }
    said = run(["sh", str(IMAGES / "ledgerlink" / "entrypoint.sh"), "run", "gateway"], environment)
    assert said.returncode == 0, said.stderr
    command, *variables = said.stdout.splitlines()
    assert command == "run gateway"
    told = dict(variable.split("=", 1) for variable in variables)
    assert told["SSL_CERT_FILE"] == str(trusted)
    assert told["GATEWAY_REDIS_URL"] == "rediss://:secret@cache:6379/0"
    assert not {"NATS_AUTHORITY", "REDIS_PASSWORD"} & told.keys()
    assert trusted.read_text() == "the public authorities\nour own\n"
