"""The system account that PostgreSQL runs under when we are root, because it refuses to run as root."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.stack.errors import StackError

NAME = "pgserver"  # the account that the wheel itself makes; one is enough
NO_LOGIN = "/usr/sbin/nologin"
USERADD_DEADLINE = 20.0


@dataclass(frozen=True, slots=True)
class Account:
    """A system user's numbers."""

    uid: int
    gid: int


def database_account() -> Account | None:
    """Return the account for PostgreSQL, made if need be; None when we are an ordinary user ourselves.

    Raises StackError when it cannot be made.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        entry = _made()
    return Account(entry.pw_uid, entry.pw_gid)


def _made() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", NO_LOGIN, NAME]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=USERADD_DEADLINE)
    except (OSError, subprocess.SubprocessError) as error:
        raise StackError(
            f"PostgreSQL refuses to run as root and a system user for it could not be made ({error}); "
            f"run as an ordinary user, or make a user named {NAME}"
        ) from error
    return pwd.getpwnam(NAME)


def own(path: Path, account: Account | None) -> None:
    """Give a directory to the account, private to it, and let the account pass through its parents."""
    path.chmod(0o700)
    if account is not None:
        os.chown(path, account.uid, account.gid)
        let_pass(path)


def let_pass(path: Path) -> None:
    """Let other users pass through (not list or read) the parents of a path, as far as they cannot yet."""
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)
