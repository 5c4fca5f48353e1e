"""Which databases are audited: those that the environment names, or those of the running stack."""

import os
from dataclasses import dataclass
from pathlib import Path

from ops.stack.errors import StackError
from ops.stack.layout import Layout
from ops.stack.parts import Parts
from ops.stack.ports import read_ports

LEDGER, PAYMENTS = "WALLET_DATABASE_URL", "PAYMENTS_DATABASE_URL"


@dataclass(frozen=True)
class Databases:
    """The URLs of the ledger's and of the payments' database."""

    ledger: str
    payments: str | None


def find_databases(data_dir: Path) -> Databases:
    """Return the databases to audit. Raises StackError, with what to do, where there are none."""
    if ledger := os.environ.get(LEDGER):
        return Databases(ledger, os.environ.get(PAYMENTS))
    layout = Layout.at(data_dir)
    ports = read_ports(layout.ports)
    if not ports:
        raise StackError(f"there is no stack on {layout.root}: name its directory with --data-dir, or set {LEDGER}")
    postgres = Parts.of(layout, ports).postgres
    return Databases(postgres.service_url("wallet"), postgres.service_url("payments"))


def is_stopped(error: Exception) -> bool:
    """Tell whether an audit failed because the stack, whose databases it was to read, does not run."""
    return isinstance(error, ConnectionRefusedError) and LEDGER not in os.environ
