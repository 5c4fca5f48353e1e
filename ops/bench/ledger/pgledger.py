"""Times pgledger's own SQL on the same PostgreSQL: a checkout of pgr0ss/pgledger, each transfer a transaction."""

import asyncio
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ops.stack import binaries
from ops.stack.errors import StackError
from ops.stack.postgres import Postgres

CLIENTS = 8
DATABASE = "pgledger"
FILES = (
    "vendor/scoville-pgsql-ulid/ulid-to-uuid.sql",
    "vendor/scoville-pgsql-ulid/uuid-to-ulid.sql",
    "pgledger.sql",
)
_THREADS = 2
_SETUP_SECONDS = 120.0
_GRACE_SECONDS = 60.0
# Ids of pgledger's length and prefix that a script can compute, so that no client has to look one up.
_SEED = """
INSERT INTO pgledger_accounts
    (id, name, currency, allow_negative_balance, allow_positive_balance, balance, created_at, updated_at)
SELECT 'pgla_' || lpad(n::text, 26, '0'), 'account', 'EUR', true, true, 0, now(), now()
FROM generate_series(0, :accounts - 1) AS n;
VACUUM ANALYZE;
"""
_TRANSFER = r"""
\set payer {payer}
\set payee (:payer + 1 + random(0, :accounts - 2)) % :accounts
SELECT id FROM pgledger_create_transfer(
    'pgla_' || lpad(:payer::text, 26, '0'), 'pgla_' || lpad(:payee::text, 26, '0'), 1);
"""
_UNIFORM = _TRANSFER.format(payer="random(0, :accounts - 1)")
_HOT = _TRANSFER.format(payer="0")
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_LATENCY = re.compile(r"^latency average = ([0-9.]+) ms", re.MULTILINE)


@dataclass(frozen=True)
class Rate:
    """What pgbench reports."""

    per_second: float
    latency_ms: float


def missing_files(checkout: Path) -> list[str]:
    """Return which of the files that are loaded a checkout does not have."""
    return [name for name in FILES if not (checkout / name).is_file()]


class PgLedgerDatabase:
    """A database with pgledger's tables and functions, beside the services' own."""

    def __init__(self, postgres: Postgres) -> None:
        address = urlsplit(postgres.superuser_url())
        self._environment = {
            "PATH": os.defpath,
            "PGHOST": str(address.hostname),
            "PGPORT": str(address.port),
            "PGUSER": str(address.username),
            "PGPASSWORD": str(address.password),
            "PGDATABASE": DATABASE,
        }

    async def make(self, checkout: Path, accounts: int) -> None:
        """Load pgledger's SQL as its own justfile does, open accounts, analyse. Raises StackError."""
        await self._psql({"PGDATABASE": "postgres"}, "-c", f"CREATE DATABASE {DATABASE}")
        files = [part for name in FILES for part in ("-f", str(checkout / name))]
        await self._psql({}, "--single-transaction", *files)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as seed:
            seed.write(_SEED)
            seed.flush()
            await self._psql({}, f"--set=accounts={accounts}", "-f", seed.name)

    async def time(self, accounts: int, seconds: float, *, hot: bool) -> Rate:
        """Let the clients transfer for `seconds`, uniform over the accounts or one in every transfer."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(_HOT if hot else _UNIFORM)
            script.flush()
            said = await self._run(
                _pgbench(accounts, max(1, round(seconds)), script.name), {}, seconds + _GRACE_SECONDS
            )
        rate, latency = _RATE.search(said), _LATENCY.search(said)
        if rate is None or latency is None:
            raise StackError(f"pgbench reported no rate:\n{said}")
        return Rate(float(rate[1]), float(latency[1]))

    async def _psql(self, environment: Mapping[str, str], *arguments: str) -> None:
        program = str(binaries.postgres_bin() / "psql")
        command = [program, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *arguments]
        await self._run(command, environment, _SETUP_SECONDS)

    async def _run(self, command: list[str], environment: Mapping[str, str], seconds: float) -> str:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self._environment, **environment},
        )
        try:
            async with asyncio.timeout(seconds):
                said, complaint = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise StackError(f"{Path(command[0]).name} failed:\n{complaint.decode().strip()}")
        return said.decode()


def _pgbench(accounts: int, seconds: int, script: str) -> list[str]:
    return [
        str(binaries.postgres_bin() / "pgbench"),
        "--no-vacuum",
        "--protocol=prepared",
        f"--client={CLIENTS}",
        f"--jobs={_THREADS}",
        f"--time={seconds}",
        f"--define=accounts={accounts}",
        f"--file={script}",
    ]
