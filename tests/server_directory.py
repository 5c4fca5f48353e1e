"""Where the session's servers keep their data: in memory if there is room, and never longer than the session."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ops.stack.leftovers import end_leftovers
from ops.stack.state import read_state

PREFIX = "ledgerlink-tests-"
MEMORY = Path("/dev/shm")  # noqa: S108  # made with mkdtemp, private to us
ENOUGH_BYTES = 2 * 2**30
STATE_SUFFIX = ".state.json"


@contextmanager
def server_directory() -> Iterator[Path]:
    """Make a directory for this session, after ending and deleting what a killed session has left.

    It is not pytest's own temporary directory: that is closed to PostgreSQL's user when the tests run as root. In
    memory a database is copied ten times as fast as on a disk, because it is hundreds of files.
    """
    for parent in {Path(tempfile.gettempdir()), fastest_parent()}:
        _clean_up(parent)
    directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=fastest_parent()))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def fastest_parent() -> Path:
    """Return where to make temporary directories for servers: memory if it has room, else the usual place."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH_BYTES:
        return MEMORY
    return Path(tempfile.gettempdir())


def _clean_up(parent: Path) -> None:
    """End the servers and delete the directories of sessions whose process is gone."""
    for directory in parent.glob(f"{PREFIX}*-*"):
        session = directory.name.removeprefix(PREFIX).split("-")[0]
        if session.isdecimal() and not psutil.pid_exists(int(session)):
            for state in state_files(directory):
                end_leftovers(read_state(state))
            shutil.rmtree(directory, ignore_errors=True)


def state_files(directory: Path) -> list[Path]:
    """Find those of servers and of stacks, though what still runs there makes and deletes directories meanwhile."""
    return [Path(at, name) for at, _, names in os.walk(directory) for name in names if name.endswith("state.json")]
