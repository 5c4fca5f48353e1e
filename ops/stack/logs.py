"""The processes' log files: appended to by the processes themselves, bounded by the supervisor."""

import os
import shutil
from pathlib import Path
from typing import IO

LIMIT_BYTES = 16 * 2**20
TAIL_BYTES = 16 * 2**10


def open_log(path: Path) -> IO[bytes]:
    """Open a log for a process to write to.

    It is a plain file and not a pipe, so that a process outlives its supervisor without an error; and in
    append mode, so that it can be truncated under the process.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0)


def bound(path: Path, limit: int = LIMIT_BYTES) -> None:
    """Move a log that has outgrown `limit` bytes to `<name>.1`, replacing the one before."""
    try:
        if path.stat().st_size <= limit:
            return
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        os.truncate(path, 0)
    except FileNotFoundError:
        return


def tail(path: Path, lines: int = 12) -> str:
    """Return the last lines of a log, for an error message."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])
