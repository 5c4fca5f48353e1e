"""`ledgerlink up` and `status` as a person meets them, with the three servers."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ops.stack.ports import HOST, free_port
from ops.tests.up_process import SERVERS, UpProcess, status, status_table


@pytest.fixture
def up(data_dir: Path) -> Iterator[UpProcess]:
    process = UpProcess(data_dir, *SERVERS)
    yield process
    process.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_no_process(up: UpProcess, number: signal.Signals) -> None:
    up.wait_until_up()
    processes = up.processes()
    assert set(processes) == {"postgres", "nats", "valkey"}
    family = [child for process in processes.values() for child in [process, *process.children(recursive=True)]]
    assert up.interrupt(number) == 0
    assert not [process for process in family if process.is_running()]
    assert "nothing is left running" in up.output.read_text()


def test_ctrl_c_during_start_leaves_no_process(up: UpProcess, data_dir: Path) -> None:
    up.wait_for(lambda: (data_dir / "state.json").exists() and "postgres" in up.processes())
    processes = up.processes()
    assert up.interrupt() == 0
    assert not [process for process in processes.values() if process.is_running()]


def test_second_up_on_the_same_data_is_refused(up: UpProcess, data_dir: Path) -> None:
    up.wait_until_up()
    second = UpProcess(data_dir, *SERVERS)
    assert second.popen.wait(30) == 1
    said = second.output.read_text()
    assert f"already runs on {data_dir} (pid {up.popen.pid})" in said
    assert "Starting" not in said
    assert "Traceback" not in said
    assert len(up.processes()) == 3


def test_leftovers_of_a_killed_supervisor_are_ended(up: UpProcess, data_dir: Path) -> None:
    up.wait_until_up()
    leftovers = up.processes()
    up.popen.kill()
    up.popen.wait()
    assert all(process.is_running() for process in leftovers.values())
    code, report = status(data_dir)
    assert (code, report["running"], report["supervised"]) == (1, True, False)
    assert f"run: ledgerlink up --data-dir {data_dir}" in status_table(data_dir)
    second = UpProcess(data_dir, *SERVERS)
    try:
        second.wait_until_up()
        assert "an earlier run had left: valkey, nats, postgres" in second.output.read_text()
        assert not [process for process in leftovers.values() if process.is_running()]
        assert set(second.processes()) == set(leftovers)
    finally:
        second.end()


def test_a_directory_may_have_any_name(data_dir: Path) -> None:
    up = UpProcess(data_dir.parent / "Bücher 帳簿 \"'s", *SERVERS)
    try:
        up.wait_until_up()
        assert set(up.processes()) == {"postgres", "nats", "valkey"}
    finally:
        up.end()


def test_a_dead_server_is_restarted(up: UpProcess, data_dir: Path) -> None:
    up.wait_until_up()
    for name in ("nats", "valkey", "postgres"):
        old = up.processes()[name]
        old.kill()
        up.wait_for(lambda name=name, old=old: up.processes().get(name, old) != old)
    up.wait_for(lambda: all(p["state"] == "healthy" and p["restarts"] == 1 for p in status(data_dir)[1]["processes"]))


def test_status_tells_each_process(up: UpProcess, data_dir: Path) -> None:
    up.wait_until_up()
    code, report = status(data_dir)
    assert (code, report["running"], report["supervised"], report["data_dir"]) == (0, True, True, str(data_dir))
    assert [p["name"] for p in report["processes"]] == ["postgres", "nats", "valkey"]
    for process in report["processes"]:
        assert set(process) == {
            "name", "pid", "port", "state", "reason", "restarts", "outbox_lag", "consumer_lag",
        }  # fmt: skip
        assert psutil.pid_exists(process["pid"])
        assert (process["state"], process["restarts"]) == ("healthy", 0)
        with socket.create_connection((HOST, process["port"]), timeout=2):
            pass


def test_status_without_a_stack_exits_with_1(data_dir: Path) -> None:
    nothing = {"running": False, "supervised": False, "data_dir": str(data_dir), "processes": []}
    assert status(data_dir) == (1, nothing)


def test_taken_gateway_port_says_to_use_another(data_dir: Path) -> None:
    with socket.create_server((HOST, free_port())) as taken:
        up = UpProcess(data_dir, port=taken.getsockname()[1])
        assert up.popen.wait(30) == 1
    assert "--port" in up.output.read_text()


def test_fresh_wipes_only_what_is_ours(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "thesis.txt").write_text("years of work")
    up = UpProcess(data_dir, "--fresh", *SERVERS)
    assert up.popen.wait(30) == 1
    assert "holds other things" in up.output.read_text()
    assert (data_dir / "thesis.txt").read_text() == "years of work"


def test_an_unknown_process_is_named(data_dir: Path) -> None:
    up = UpProcess(data_dir, "--only", "oracle")
    assert up.popen.wait(30) == 1
    assert "there is no process oracle" in up.output.read_text()


def test_an_impossible_directory_is_one_message() -> None:
    command = [sys.executable, "-P", "-m", "ops", "up", "--data-dir", "/proc/ledgerlink"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "/proc/ledgerlink cannot hold LedgerLink's data" in done.stderr
    assert "choose another --data-dir" in done.stderr
