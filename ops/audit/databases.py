"""Which databases are audited: those that the environment names, or those of the running stack."""

from dataclasses import dataclass
from pathlib import Path

from ops.service_databases import find_database, named_database


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
    if named_database("wallet"):
        return Databases(ledger, named_database("payments"))
    return Databases(ledger, find_database("payments", data_dir))
