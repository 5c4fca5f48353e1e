"""Where the stack keeps what: one data directory, marked as ours, so that wiping hits nothing else."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ops.stack.errors import StackError

MARKER = ".ledgerlink-data"
MARKER_TEXT = "LedgerLink's embedded servers keep their data here; `ledgerlink up --fresh` deletes it.\n"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths inside one data directory (absolute)."""

    root: Path

    @classmethod
    def at(cls, data_dir: Path) -> "Layout":
        """Return the layout of a data directory, which need not exist yet."""
        return cls(data_dir.expanduser().resolve())

    @property
    def postgres(self) -> Path:
        """PostgreSQL's cluster directory."""
        return self.root / "postgres"

    @property
    def nats(self) -> Path:
        """The NATS server's own directory: its configuration and, below it, JetStream's store."""
        return self.root / "nats"

    @property
    def jetstream(self) -> Path:
        """JetStream's store, which may be deleted while NATS is stopped."""
        return self.nats / "jetstream"

    @property
    def valkey(self) -> Path:
        """Valkey's working directory."""
        return self.root / "valkey"

    @property
    def sandbox_processor(self) -> Path:
        """The sandbox processor's memory."""
        return self.root / "sandbox-processor"

    @property
    def secrets(self) -> Path:
        """The generated passwords and keys (mode 0600)."""
        return self.root / "secrets.json"

    @property
    def ports(self) -> Path:
        """The remembered ports."""
        return self.root / "ports.json"

    @property
    def state(self) -> Path:
        """What runs now, as the supervisor last wrote it."""
        return self.root / "state.json"

    @property
    def schema(self) -> Path:
        """Which schema the databases were last brought to."""
        return self.root / "schema.json"

    @property
    def lock(self) -> Path:
        """The file whose lock the running supervisor holds."""
        return self.root / "lock"

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.root / "logs" / f"{name}.log"

    def create(self) -> None:
        """Make the directory and mark it as ours.

        Raises StackError when it holds something else already, or cannot be made or written to.
        """
        try:
            self._create()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StackError(
                f"{self.root} cannot hold LedgerLink's data ({reason}); choose another --data-dir"
            ) from error

    def _create(self) -> None:
        if self.root.exists() and not self.is_ours() and any(self.root.iterdir()):
            raise StackError(f"{self.root} holds other things than LedgerLink's data; choose another --data-dir")
        self.root.mkdir(parents=True, exist_ok=True)
        # PostgreSQL runs as another user when we are root: it must be able to pass through, not to list.
        self.root.chmod(0o711)
        (self.root / MARKER).write_text(MARKER_TEXT)
        (self.root / "logs").mkdir(mode=0o700, exist_ok=True)

    def is_ours(self) -> bool:
        """Say whether the directory carries our marker."""
        return (self.root / MARKER).is_file()

    def wipe(self) -> None:
        """Delete the content, except the lock file that its caller holds.

        Raises StackError when the directory does not carry our marker.
        """
        if not self.root.exists():
            return
        if not self.is_ours():
            raise StackError(f"{self.root} has no {MARKER} file, so it is not ours to wipe; delete it yourself")
        for entry in self.root.iterdir():
            if entry.name in {MARKER, self.lock.name}:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
