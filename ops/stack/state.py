"""The state file: what runs, for `ledgerlink status` and for cleaning up after a killed supervisor."""

import os
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from ops.stack.component import State
from ops.stack.private_files import write_private

CREATE_TIME_TOLERANCE = 1.0  # seconds; the system derives it from the boot time, which clock corrections move


class ProcessRecord(BaseModel):
    """One process: its pid and create time (seconds since the epoch) tell it from any other that ever was."""

    name: str
    pid: int | None = None
    create_time: float | None = None
    port: int | None = None
    state: State = State.WAITING
    restarts: int = 0
    stop_signal: int

    def process(self) -> psutil.Process | None:
        """Return the live process that this record means; None when it has ended, whoever has its pid now."""
        if self.pid is None or self.create_time is None:
            return None
        return _living(self.pid, self.create_time)


class StackState(BaseModel):
    """The supervisor and its processes, in start order."""

    supervisor_pid: int
    supervisor_create_time: float | None = None
    processes: list[ProcessRecord]

    @property
    def supervised(self) -> bool:
        """Whether the supervisor that wrote this still lives."""
        return self.supervisor_create_time is not None and bool(
            _living(self.supervisor_pid, self.supervisor_create_time)
        )


def _living(pid: int, create_time: float) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - create_time) <= CREATE_TIME_TOLERANCE
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def write_state(path: Path, processes: list[ProcessRecord]) -> None:
    """Replace the state file."""
    pid = os.getpid()
    created = psutil.Process(pid).create_time()
    state = StackState(supervisor_pid=pid, supervisor_create_time=created, processes=processes)
    write_private(path, state.model_dump_json(indent=2) + "\n")


def read_state(path: Path) -> StackState | None:
    """Return what the state file says; None when there is none, or none that can be read."""
    try:
        return StackState.model_validate_json(path.read_text())
    except (FileNotFoundError, ValidationError):
        return None
