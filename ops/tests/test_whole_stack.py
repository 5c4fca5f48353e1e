"""The whole system with one command: every process healthy, shown, restarted when it dies, gone at the end."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from ops.stack.stack import EVERYTHING
from ops.tests.up_process import UpProcess, status
from tests.server_directory import fastest_parent

LONG_RUNNING = set(EVERYTHING) - {"migrate"}
SERVICES = {"identity", "wallet", "payments", "risk"}
CONFIGURED = {*SERVICES, "gateway", "sandbox_processor"}


@pytest.fixture(scope="module")
def up() -> Iterator[UpProcess]:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(dir=fastest_parent()) as directory:
        patch.setenv("PAYMENTS_NATS_SEED", "not for the others")
        process = UpProcess(Path(directory) / "data")
        process.wait_until_up()
        yield process
        process.end()


def test_every_process_is_healthy_and_nothing_waits(up: UpProcess) -> None:
    code, report = status(up.data_dir)
    assert code == 0
    states = {p["name"]: p["state"] for p in report["processes"]}
    assert states == dict.fromkeys(LONG_RUNNING, "healthy") | {"migrate": "done"}
    for process in report["processes"]:
        if process["name"] in SERVICES:
            assert process["outbox_lag"] == 0
            assert set(process["consumer_lag"].values()) <= {0}


def test_the_gateway_answers(up: UpProcess) -> None:
    base = f"http://127.0.0.1:{up.port}"
    for path in ("/healthz", "/readyz", "/docs", "/metrics"):
        assert httpx.get(f"{base}{path}", timeout=5, follow_redirects=True).status_code == 200, path


def test_the_sandbox_processor_answers(up: UpProcess) -> None:
    port = next(p["port"] for p in status(up.data_dir)[1]["processes"] if p["name"] == "sandbox_processor")
    assert httpx.get(f"http://127.0.0.1:{port}/sandbox/v1/operations", timeout=5).status_code == 401
    assert f"http://127.0.0.1:{port}" in up.output.read_text()


def test_services_know_only_their_own_secrets(up: UpProcess) -> None:
    for name in CONFIGURED:
        environment = up.processes()[name].environ()
        foreign = {
            variable
            for variable in environment
            if variable.startswith(tuple(f"{other.upper()}_" for other in CONFIGURED - {name}))
        }
        assert not foreign
        assert f"{name.upper()}_MIGRATION_DATABASE_URL" not in environment


@pytest.mark.parametrize("name", ["wallet", "gateway", "provisioner", "sandbox_processor"])
def test_a_killed_process_comes_back(up: UpProcess, name: str) -> None:
    old = up.processes()[name]
    old.kill()
    up.wait_for(lambda: up.processes().get(name, old) != old)
    up.wait_for(lambda: {p["name"]: p["state"] for p in status(up.data_dir)[1]["processes"]}[name] == "healthy")


def test_ctrl_c_leaves_no_process(up: UpProcess) -> None:
    processes = up.processes()
    assert set(processes) == LONG_RUNNING
    family: list[psutil.Process] = []
    for process in processes.values():
        family += [process, *process.children(recursive=True)]
    assert up.interrupt(signal.SIGINT) == 0
    assert not [process for process in family if process.is_running()]
