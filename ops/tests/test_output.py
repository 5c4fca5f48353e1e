"""`ledgerlink up` whose output goes nowhere: a closed pipe changes nothing, a closed terminal stops it in order."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from ops.commands.output import Output, console_on
from ops.stack.state import read_state

DEADLINE = 60.0
ARGUMENTS = ("--only", "valkey", "--only", "nats")


def _up(data_dir: Path, output: int, errors: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "ops", "up", "--data-dir", str(data_dir), *ARGUMENTS]
    with errors.open("wb") as file:
        return subprocess.Popen(command, stdout=output, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True)


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _processes(data_dir: Path) -> list[psutil.Process]:
    state = read_state(data_dir / "state.json")
    return [process for record in state.processes if (process := record.process())] if state else []


def _end(up: subprocess.Popen[bytes]) -> None:
    if up.poll() is None:
        up.terminate()
        up.wait(DEADLINE)


def test_a_closed_pipe_leaves_the_stack_and_its_supervisor_alone(data_dir: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    up = _up(data_dir, writing, tmp_path / "errors")
    os.close(writing)
    os.close(reading)
    try:
        _wait_for(lambda: len(_processes(data_dir)) == 2)
        processes = _processes(data_dir)
        processes[1].kill()  # what it tells of now goes nowhere
        _wait_for(lambda: len(_processes(data_dir)) == 2 and _processes(data_dir) != processes)
        processes = _processes(data_dir)
        up.send_signal(signal.SIGINT)
        assert up.wait(DEADLINE) == 0
        assert not [process for process in processes if process.is_running()]
        assert (tmp_path / "errors").read_text() == ""
    finally:
        _end(up)


def test_a_closed_terminal_stops_the_stack(data_dir: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    up = _up(data_dir, theirs, tmp_path / "errors")
    os.close(theirs)
    try:
        _wait_for(lambda: len(_processes(data_dir)) == 2)
        processes = _processes(data_dir)
        os.close(ours)
        assert up.wait(DEADLINE) == 0
        assert not [process for process in processes if process.is_running()]
        assert (tmp_path / "errors").read_text() == ""
    finally:
        _end(up)


def test_a_console_on_a_closed_pipe_raises_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        output = Output(stream)
        console_on(output).print("nobody reads this")
        assert not output.hung_up
