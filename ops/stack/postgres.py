"""The embedded PostgreSQL 18: made with initdb, run as a direct child, TCP on the loopback interface only."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from pydantic import SecretStr

from contracts.topology import SERVICES
from ops.stack import binaries
from ops.stack.account import Account, database_account, let_pass, own
from ops.stack.component import Component
from ops.stack.errors import StackError
from ops.stack.ports import HOST
from ops.stack.private_files import write_private
from ops.stack.secrets import Secrets

SUPERUSER = "postgres"
SERVICE_DATABASE_SQL = Path(__file__).parent / "sql" / "service_database.sql"
PROGRAM_DEADLINE = 60.0  # for initdb and psql
CONNECT_DEADLINE = 2.0
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a long data directory would exceed a socket path's limit
    "max_connections": "200",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_timezone": "UTC",
    "timezone": "UTC",
    # Each account has its own place in two indexes of the transfers: those leaves are to stay in memory, and to be
    # written whole into the log, as after every checkpoint, seldom.
    "shared_buffers": "512MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
}
# The same text and the same order of it on every machine, whatever its C library.
TEXT = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
FAST_AND_FORGETFUL = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "256MB",
}


@dataclass(frozen=True)
class Postgres:
    """One cluster on this machine.

    `durable=False` is for throw-away clusters of tests: what the machine's death may cost it.
    """

    directory: Path
    port: int
    secrets: Secrets
    durable: bool = True
    _account: Account | None = field(default_factory=database_account)

    def component(self) -> Component:
        """Return how the supervisor runs it."""
        return Component(
            name="postgres",
            argv=self._argv(),
            probe=self._probe,
            port=self.port,
            prepare=self.prepare,
            once_healthy=self.create_service_databases,
            account=self._account,
            # SIGTERM waits for all clients to leave; SIGINT rolls back and ends at once.
            stop_signal=signal.SIGINT,
        )

    def url(self, user: str, password: SecretStr, database: str) -> str:
        """Return a connection URL, which holds the password."""
        return f"postgresql://{user}:{password.get_secret_value()}@{HOST}:{self.port}/{database}"

    def service_url(self, service: str) -> str:
        """Return the URL of a service's database under the role that it runs with."""
        return self.url(service, self.secrets.role_passwords[service], service)

    def owner_url(self, service: str) -> str:
        """Return the URL of a service's database under the role that owns and migrates it."""
        owner = f"{service}_owner"
        return self.url(owner, self.secrets.role_passwords[owner], service)

    def superuser_url(self) -> str:
        """Return the administrator's URL; no service ever gets it."""
        return self.url(SUPERUSER, self.secrets.superuser_password, "postgres")

    async def prepare(self) -> None:
        """Make the cluster if it does not exist. Raises StackError."""
        if not (self.directory / "PG_VERSION").exists():
            await asyncio.to_thread(self._initialise)

    async def create_service_databases(self) -> None:
        """Make every service's database and its two roles, as far as they do not exist. Raises StackError."""
        await asyncio.to_thread(create_service_databases, self.superuser_url(), self.secrets.role_passwords)

    def _argv(self) -> tuple[str, ...]:
        settings = SETTINGS | {"port": str(self.port)} | ({} if self.durable else FAST_AND_FORGETFUL)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return (str(binaries.postgres_bin() / "postgres"), "-D", str(self.directory), *options)

    def _initialise(self) -> None:
        """Run initdb beside the final place and then rename, so that a crash leaves no half a cluster."""
        draft = self.directory.with_name(f"{self.directory.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        own(draft, self._account)
        if self._account is not None:
            let_pass(binaries.postgres_bin() / "initdb")
        password_file = draft.with_name("initdb-password")
        write_private(password_file, self.secrets.superuser_password.get_secret_value(), self._account)
        try:
            self._initdb(draft, password_file)
        finally:
            password_file.unlink()
        draft.rename(self.directory)

    def _initdb(self, draft: Path, password_file: Path) -> None:
        command = [
            str(binaries.postgres_bin() / "initdb"),
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth-host=scram-sha-256",
            "--auth-local=reject",
            *TEXT,
            *([] if self.durable else ["--no-sync"]),
        ]
        _run("initdb", command, cwd=draft, account=self._account)

    async def _probe(self) -> str | None:
        return await database_probe(self.superuser_url())


async def database_probe(url: str) -> str | None:
    """Return None when the database answers a query, else why not."""
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_DEADLINE)
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        return str(error) or type(error).__name__
    try:
        await connection.fetchval("SELECT 1", timeout=CONNECT_DEADLINE)
    finally:
        await connection.close(timeout=CONNECT_DEADLINE)
    return None


def create_service_databases(superuser_url: str, role_passwords: Mapping[str, SecretStr]) -> None:
    """Make the databases and roles of all services in one psql session. Raises StackError.

    psql quotes names and passwords itself; the passwords travel in its environment, which only we can read.
    """
    command = [str(binaries.postgres_bin() / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    for service in SERVICES:
        command += ["-c", f"\\set service {service}", "-f", str(SERVICE_DATABASE_SQL)]
    passwords = {f"{role.upper()}_PASSWORD": p.get_secret_value() for role, p in role_passwords.items()}
    address = urlsplit(superuser_url)
    environment = {
        "PATH": os.defpath,
        "PGHOST": str(address.hostname),
        "PGPORT": str(address.port),
        "PGUSER": str(address.username),
        "PGPASSWORD": str(address.password),
        "PGDATABASE": "postgres",
        **passwords,
    }
    _run("making the services' databases", command, environment=environment)


def _run(
    what: str,
    command: list[str],
    *,
    cwd: Path | None = None,
    account: Account | None = None,
    environment: dict[str, str] | None = None,
) -> None:
    """Run one of PostgreSQL's programs to its end. Raises StackError with what it said."""
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROGRAM_DEADLINE,
            cwd=cwd,
            env=environment,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StackError(f"{what} failed: {error}") from error
    if done.returncode != 0:
        raise StackError(f"{what} failed:\n{done.stderr.strip()}")
