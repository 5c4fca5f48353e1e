"""Which databases are audited: those that the environment names, or those of the running stack."""

import os
from dataclasses import dataclass
from pathlib import Path

from ops.service_databases import find_database, variable


@dataclass(frozen=True)
class Databases:
    """The URLs of the ledger's and of the payments' database."""

    ledger: str
    payments: str | None


def find_databases(data_dir: Path) -> Databases:
    """Return the databases to audit. Raises StackError, with what to do, where there are none.

    Whoever names the ledger's and not the payments' audits the ledger alone.
    """
    ledger = find_database("wallet", data_dir)
    if variable("wallet") in os.environ:
        return Databases(ledger, os.environ.get(variable("payments")))
    return Databases(ledger, find_database("payments", data_dir))
