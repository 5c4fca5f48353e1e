"""`ledgerlink demo` as a real process whose temporary files are all in one directory."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

DEADLINE = 100.0


class DemoProcess:
    """One `ledgerlink demo`; `directory` is where it keeps its data and where its output goes to files."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._temporary = directory / "tmp"
        self._temporary.mkdir()
        self._output, self._errors = directory / "output", directory / "errors"
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self._popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "ops", "demo", *arguments],
                stdout=output,
                stderr=errors,
                env=os.environ | {"TMPDIR": str(self._temporary)},
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def data(self) -> list[Path]:
        """Return the data directories that are there."""
        return list(self._temporary.iterdir())

    def processes(self) -> list[psutil.Process]:
        """Return the live processes that work in the demo's data, however they came to be."""
        return [process for process in psutil.process_iter() if self._works_here(process)]

    def interrupt(self) -> None:
        self._popen.send_signal(signal.SIGINT)

    def ended(self) -> int:
        """Wait for the end; return the exit code."""
        return self._popen.wait(DEADLINE)

    def wait_for_processes(self, count: int) -> None:
        end = time.monotonic() + DEADLINE
        while len(self.processes()) < count:
            assert self._popen.poll() is None, self.errors
            assert time.monotonic() < end, self.errors
            time.sleep(0.05)

    def end(self) -> None:
        if self._popen.poll() is None:
            self.interrupt()
            self._popen.wait(DEADLINE)

    def _works_here(self, process: psutil.Process) -> bool:
        try:
            return process.cwd().startswith(str(self._temporary))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
