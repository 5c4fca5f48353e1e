"""Where a service's database is: what the environment names, or that of the running stack."""

import os
from pathlib import Path

from ops.stack.errors import StackError
from ops.stack.layout import Layout
from ops.stack.parts import Parts
from ops.stack.ports import read_ports


def variable(service: str) -> str:
    """Return the name of the variable with the URL of a service's database."""
    return f"{service.upper()}_DATABASE_URL"


def find_database(service: str, data_dir: Path) -> str:
    """Return the URL of a service's database. Raises StackError, with what to do, where there is none."""
    if url := os.environ.get(variable(service)):
        return url
    layout = Layout.at(data_dir)
    ports = read_ports(layout.ports)
    if not ports:
        hint = f"name its directory with --data-dir, or set {variable(service)}"
        raise StackError(f"there is no stack on {layout.root}: {hint}")
    return Parts.of(layout, ports).postgres.service_url(service)


def is_stopped(service: str, error: Exception) -> bool:
    """Tell whether an error means that the stack, whose database was to be read, does not run."""
    return isinstance(error, ConnectionRefusedError) and variable(service) not in os.environ
