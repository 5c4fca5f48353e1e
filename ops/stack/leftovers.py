"""Ending the processes of a killed supervisor, and nothing else: each is known by pid and create time."""

import contextlib

import psutil

from ops.stack.state import ProcessRecord, StackState

DEADLINE = 10.0


def end_leftovers(state: StackState | None) -> list[str]:
    """End what still runs of an earlier stack, last started first; return the names of what was ended."""
    running = [(record, process) for record in _newest_first(state) if (process := record.process())]
    for record, process in running:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(record.stop_signal)
    _, stubborn = psutil.wait_procs([process for _, process in running], timeout=DEADLINE)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=DEADLINE)
    return [record.name for record, _ in running]


def _newest_first(state: StackState | None) -> list[ProcessRecord]:
    return list(reversed(state.processes)) if state else []
