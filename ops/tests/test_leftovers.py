"""A process is ended only if both its pid and its create time are those that were written down."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from ops.stack.component import State
from ops.stack.leftovers import end_leftovers
from ops.stack.state import ProcessRecord, StackState


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def _state(pid: int, create_time: float) -> StackState:
    record = ProcessRecord(
        name="wallet", pid=pid, create_time=create_time, state=State.HEALTHY, stop_signal=signal.SIGTERM
    )
    return StackState(supervisor_pid=1, processes=[record])


def test_the_process_itself_is_ended(stranger: subprocess.Popen[bytes]) -> None:
    created = psutil.Process(stranger.pid).create_time()
    assert end_leftovers(_state(stranger.pid, created)) == ["wallet"]
    assert stranger.poll() is not None


def test_another_process_with_its_pid_is_left_alone(stranger: subprocess.Popen[bytes]) -> None:
    created = psutil.Process(stranger.pid).create_time()
    assert end_leftovers(_state(stranger.pid, created - 60)) == []
    assert stranger.poll() is None


def test_no_state_means_nothing_to_end() -> None:
    assert end_leftovers(None) == []
