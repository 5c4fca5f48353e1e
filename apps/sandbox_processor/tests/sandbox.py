"""The real process on a free port, and a client of it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
BACKUP_SECRET = "whsec_OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2"
KEYS = {"sandbox": "sk_sandbox_of_the_tests", "sandbox_backup": "sk_backup_of_the_tests"}
START_DEADLINE = 20.0
STOP_DEADLINE = 8.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sandbox:
    """One data directory and one port, on which the process is started, killed and started again."""

    def __init__(self, directory: Path, webhook_url: str, **settings: Any) -> None:
        self.directory = directory
        self.port = free_port()
        accounts = {
            "sandbox": {"api_key": KEYS["sandbox"], "webhook_secret": SECRET},
            "sandbox_backup": {"api_key": KEYS["sandbox_backup"], "webhook_secret": BACKUP_SECRET},
        }
        own = {
            "http_port": self.port,
            "data_dir": directory / "sandbox",
            "webhook_url": webhook_url,
            "accounts": json.dumps(accounts),
            "latency_ms": 1,
            "late_seconds": 1.0,
            "hang_seconds": 30,
        } | settings
        self._environment = {f"SANDBOX_PROCESSOR_{name.upper()}": str(value) for name, value in own.items()}
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> "Sandbox":
        with (self.directory / "sandbox.log").open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-P", "-c", "from apps.sandbox_processor.main import run; run()"],
                env=os.environ | self._environment | {"PYTHONPATH": str(Path(__file__).parents[3])},
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + START_DEADLINE
        while not self._is_ready():
            assert self._popen.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.02)
        return self

    def kill(self) -> None:
        assert self._popen is not None
        self._popen.kill()
        self._popen.wait()

    def stop(self) -> None:
        """Ask it to stop, and see that it does so in good order."""
        assert self._popen is not None
        self._popen.terminate()
        assert self._popen.wait(STOP_DEADLINE) == -signal.SIGTERM  # uvicorn's own way to end, when it is done
        assert "Traceback" not in self.log, self.log

    @property
    def log(self) -> str:
        return (self.directory / "sandbox.log").read_text()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, account: str = "sandbox", timeout: float = 5.0) -> "Client":
        return Client(f"{self.url}/{account}", KEYS[account], timeout)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False


class Client:
    """What an adapter does, blocking."""

    def __init__(self, base_url: str, key: str, timeout: float) -> None:
        self.http = httpx.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout, trust_env=False
        )

    def post(self, kind: str, key: str | None = None, **fields: Any) -> httpx.Response:
        """Ask for an operation; by default over 12.50 EUR."""
        body = {"type": kind, "amount": 1250, "currency": "EUR"} | fields
        return self.http.post("/v1/operations", json=body, headers={"Idempotency-Key": key or new_key()})

    def start(self, token: str, kind: str = "charge", key: str | None = None, **fields: Any) -> dict[str, Any]:
        """Charge (or so) with a token, and return the answer."""
        return answered(self.post(kind, key, method={"type": "card", "token": token}, **fields))

    def follow(
        self, kind: str, parent: str, amount: int = 1250, key: str | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Capture, void, refund or send evidence, and return the answer."""
        return answered(self.post(kind, key, parent=parent, amount=amount, **fields))

    def query(self, key: str) -> httpx.Response:
        return self.http.get(f"/v1/operations/{key}")

    def operations(self) -> list[dict[str, Any]]:
        listed = answered(self.http.get("/v1/operations"))["data"]
        assert isinstance(listed, list)
        return listed

    def disputes(self) -> list[dict[str, Any]]:
        listed = answered(self.http.get("/v1/disputes"))["data"]
        assert isinstance(listed, list)
        return listed


def new_key() -> str:
    return str(uuid.uuid4())


def answered(response: httpx.Response) -> dict[str, Any]:
    assert response.is_success, response.text
    answer = response.json()
    assert isinstance(answer, dict)
    return answer
