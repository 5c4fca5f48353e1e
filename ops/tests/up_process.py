"""`ledgerlink up` as a real process, for tests of what a person at a terminal does with it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from ops.stack.ports import free_port
from ops.stack.state import read_state

SERVERS = ("--only", "postgres", "--only", "nats", "--only", "valkey")
DEADLINE = 60.0


class UpProcess:
    """One `ledgerlink up`, with its output in a file beside its data."""

    def __init__(self, data_dir: Path, *arguments: str, port: int | None = None) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.output = data_dir.with_name(f"up-{time.monotonic_ns()}.txt")
        command = ["up", "--data-dir", str(data_dir), "--port", str(self.port), *arguments]
        with self.output.open("wb") as file:
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "ops", *command], stdout=file, stderr=file, start_new_session=True
            )

    def wait_until_up(self) -> None:
        self.wait_for(lambda: "Stop it" in self.output.read_text())

    def wait_for(self, condition: Any) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            assert self.popen.poll() is None, self.output.read_text()
            assert time.monotonic() < end, self.output.read_text()
            time.sleep(0.05)

    def processes(self) -> dict[str, psutil.Process]:
        """Return the live processes by name."""
        state = read_state(self.data_dir / "state.json")
        assert state is not None
        return {record.name: process for record in state.processes if (process := record.process())}

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C, wait for the end, return the exit code."""
        self.popen.send_signal(number)
        return self.popen.wait(DEADLINE)

    def end(self) -> None:
        if self.popen.poll() is None:
            self.interrupt(signal.SIGTERM)


def status(data_dir: Path) -> tuple[int, dict[str, Any]]:
    """Run `ledgerlink status --json`; return exit code and answer."""
    done = _status(data_dir, "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def status_table(data_dir: Path) -> str:
    """Run `ledgerlink status`; return what it prints for people."""
    return _status(data_dir).stdout


def _status(data_dir: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "ops", "status", *options, "--data-dir", str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
