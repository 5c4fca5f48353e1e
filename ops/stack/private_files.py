"""Writing small files whole or not at all, readable by their owner only."""

import os
from pathlib import Path

from ops.stack.account import Account


def write_private(path: Path, text: str, owner: Account | None = None) -> None:
    """Replace a file's content atomically and durably, mode 0600, owned by `owner` if given."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if owner is not None:
            os.fchown(descriptor, owner.uid, owner.gid)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
