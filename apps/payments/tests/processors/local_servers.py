"""HTTP servers for adapters to speak with: the real sandbox processor, an application of the test, and broken ones."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from apps.payments.processors.configuration import ProcessorKind, ProcessorSettings

START_SECONDS = 20.0
API_KEY = "api-key-of-the-test-account"
SECRET = "whsec_c2VjcmV0LW9mLXRoZS10ZXN0LWFjY291bnQ="
ACCOUNTS = ("sandbox", "sandbox_backup")
Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def settings_for(url: str, name: str = "sandbox", **others: Any) -> ProcessorSettings:
    return ProcessorSettings(
        name=name,
        kind=others.pop("kind", ProcessorKind.SANDBOX),
        url=url,
        api_key=others.pop("api_key", API_KEY),
        webhook_secret=others.pop("webhook_secret", SECRET),
        timeout_seconds=others.pop("timeout_seconds", 2.0),
        **others,
    )


class SandboxProcess:
    """The real sandbox processor, in a process of its own; its webhooks go to `webhook_port` of this machine."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.webhook_port = free_port()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, account: str = "sandbox") -> str:
        return f"http://127.0.0.1:{self.port}/{account}"

    def start(self) -> None:
        account = {"api_key": API_KEY, "webhook_secret": SECRET}
        told = {
            "HTTP_PORT": str(self.port),
            "DATA_DIR": str(self._directory),
            "ACCOUNTS": json.dumps(dict.fromkeys(ACCOUNTS, account)),
            "WEBHOOK_URL": f"http://127.0.0.1:{self.webhook_port}/v1/webhooks/{{account}}",
            "LATENCY_MS": "2",
            "LATE_SECONDS": "4",
            "HANG_SECONDS": "8",
        }
        environment = os.environ | {f"SANDBOX_PROCESSOR_{name}": value for name, value in told.items()}
        code = "from apps.sandbox_processor.main import run; run()"
        log = (self._directory / "log").open("ab")
        self._process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=log, stderr=log)  # noqa: S603
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self._directory / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(10)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=1).is_success
        except httpx.HTTPError:
            return False


@contextmanager
def sandbox_process(directory: Path) -> Iterator[SandboxProcess]:
    process = SandboxProcess(directory)
    process.start()
    yield process
    process.stop()


@asynccontextmanager
async def serving(application: Any, port: int = 0) -> AsyncIterator[str]:
    """Serve an ASGI application on this machine, and return its URL."""
    listening = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it no other way
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    server.force_exit = True
    await task


@asynccontextmanager
async def speaking(speak: Speak) -> AsyncIterator[str]:
    """Serve whatever `speak` does with a connection, and return the URL."""
    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def _request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    await reader.readexactly(length)


def answering(raw: bytes) -> Speak:
    """Answer every connection's request with these bytes, and close it."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(raw)
        await writer.drain()
        writer.close()

    return speak


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the request, and never answer."""
    await reader.read()
    writer.close()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a byte at a time, each quick enough for itself."""
    await _request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")
    try:
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.1)
    except OSError:
        writer.close()


def http_answer(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        status,
        len(body),
        body,
    )
