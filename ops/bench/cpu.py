"""CPU time by process: seconds of user and system time."""

import os
from collections.abc import Mapping
from contextlib import suppress

import psutil


class CpuMeter:
    """Measures named processes from `start` to `stop`, each with its children; this one, their parent, alone."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._before: dict[str, float] = {}

    def start(self) -> None:
        """Note where every process stands."""
        self._before = self._seconds()

    def stop(self) -> dict[str, float]:
        """Return name -> CPU seconds since `start`."""
        return {name: max(0.0, now - self._before[name]) for name, now in self._seconds().items()}

    def _seconds(self) -> dict[str, float]:
        return {name: _of_tree(process) for name, process in self._processes.items()}


def _of_tree(process: psutil.Process) -> float:
    total = 0.0
    children = [] if process.pid == os.getpid() else _children(process)
    for member in [process, *children]:
        with suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            total += times.user + times.system
    return total


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
