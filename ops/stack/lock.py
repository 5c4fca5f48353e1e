"""One supervisor per data directory: a lock that the system releases even after kill -9."""

import fcntl
import os
from pathlib import Path

from ops.stack.errors import StackError


class DataDirLock:
    """The lock on a data directory, which one process holds at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock at once. Raises StackError when another process holds it."""
        # O_CLOEXEC (Python's default) keeps the children from holding the lock after us.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise StackError(
                f"LedgerLink already runs on {self._path.parent} (pid {holder or 'unknown'}); "
                "stop it with Ctrl-C there, or choose another --data-dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
