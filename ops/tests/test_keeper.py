"""How one process is kept alive: restarts, growing delays, deadlines, and ends that are told with the log."""

import asyncio
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ops.stack.component import Component, State
from ops.stack.errors import StackError
from ops.stack.keeper import Keeper

SLEEPER = Component("sleeper", (sys.executable, "-c", "import time; time.sleep(60)"))
FAILING = Component("failing", (sys.executable, "-c", "raise SystemExit('no such setting')"))


def _keeper(component: Component, tmp_path: Path, seen: list[State] | None = None) -> Keeper:
    states = [] if seen is None else seen
    return Keeper(component, tmp_path / "log", tmp_path, lambda keeper: states.append(keeper.state))


async def test_restarts_what_dies(tmp_path: Path) -> None:
    keeper = _keeper(SLEEPER, tmp_path)
    await keeper.start()
    first = keeper.pid
    await keeper.kill(restart=True)
    await keeper.healthy(5)
    assert (keeper.restarts, keeper.state) == (1, State.HEALTHY)
    assert keeper.pid != first
    await keeper.stop()
    assert keeper.state is State.STOPPED


async def test_stays_down_when_stopped(tmp_path: Path) -> None:
    keeper = _keeper(SLEEPER, tmp_path)
    await keeper.start()
    await keeper.stop()
    await asyncio.sleep(0.3)
    assert (keeper.runs, keeper.restarts) == (False, 0)


async def test_delay_grows_and_failure_is_told_with_the_log(tmp_path: Path) -> None:
    async def never() -> str | None:
        return "not yet"

    keeper = _keeper(replace(FAILING, probe=never, start_deadline=2.0), tmp_path)
    with pytest.raises(StackError, match=r"(?s)failing was not healthy within 2 s.*no such setting"):
        await keeper.start()
    assert 2 <= keeper.restarts <= 5  # after 0.1, 0.2, 0.4, 0.8 s


async def test_one_shot_must_end_well(tmp_path: Path) -> None:
    done = _keeper(replace(FAILING, argv=(sys.executable, "-c", "pass"), one_shot=True), tmp_path)
    await done.start()
    assert done.state is State.DONE
    with pytest.raises(StackError, match=r"(?s)failing failed.*no such setting"):
        await _keeper(replace(FAILING, one_shot=True), tmp_path).start()


async def test_unwilling_process_is_killed_after_its_deadline(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )

    async def deaf() -> str | None:
        return None if "deaf" in (tmp_path / "log").read_text() else "not yet"

    keeper = _keeper(Component("deaf", (sys.executable, "-c", code), probe=deaf, stop_deadline=0.3), tmp_path)
    await keeper.start()
    began = time.monotonic()
    await keeper.stop()
    assert not keeper.runs
    assert time.monotonic() - began < 5


async def test_gated_process_loads_and_begins_when_told(tmp_path: Path) -> None:
    code = "import sys, time; print('loaded', flush=True); print('told', bool(sys.stdin.readline()), flush=True)"
    argv = (sys.executable, "-c", f"{code}; time.sleep(60)")

    async def told() -> str | None:
        return None if "told True" in (tmp_path / "log").read_text() else "not yet"

    keeper = _keeper(Component("gated", argv, probe=told, loads_after=()), tmp_path)
    keeper.load()
    loaded = keeper.pid
    while "loaded" not in (tmp_path / "log").read_text():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert "told" not in (tmp_path / "log").read_text()
    await keeper.start()
    assert keeper.pid == loaded
    await keeper.stop()


async def test_gated_process_that_is_stopped_first_never_begins(tmp_path: Path) -> None:
    keeper = _keeper(replace(SLEEPER, loads_after=()), tmp_path)
    keeper.load()
    await keeper.stop()
    assert not keeper.runs


async def test_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="ghost could not be started"):
        await _keeper(Component("ghost", ("/no/such/program",)), tmp_path).start()


async def test_children_are_out_of_the_terminals_reach(tmp_path: Path) -> None:
    import os

    keeper = _keeper(replace(SLEEPER, stop_signal=signal.SIGTERM), tmp_path)
    await keeper.start()
    assert os.getsid(keeper.pid) == keeper.pid != os.getsid(0)
    await keeper.stop()
