"""A merchant's server: takes webhooks over real HTTP, and answers as a test wants it to."""

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from outbox.ending import end

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]
PATIENCE = 20.0


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = orjson.loads(self.body)
        return event


def answer(status: int = 204, **headers: str) -> Behaviour:
    """Answer with a status and no body."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    length = [] if status == 204 else ["content-length: 0"]
    payload = "\r\n".join([f"HTTP/1.1 {status} X", *lines, *length, "", ""]).encode()

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(payload)

    return behave


def raw(payload: bytes) -> Behaviour:
    """Send bytes, whatever they are, and hang up."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(payload)
        await writer.drain()
        writer.close()

    return behave


async def silence(_writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


@dataclass
class Shop:
    """`behave["/path"]` answers there; without one, 204. `received` is all that came, in order."""

    port: int = 0
    scheme: str = "http"
    received: list[Received] = field(default_factory=list)
    behave: dict[str, Behaviour] = field(default_factory=dict)
    connections: int = 0
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/hooks", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def at(self, path: str) -> list[Received]:
        return [received for received in self.received if received.path == path]

    async def gets(self, number: int, path: str = "/hooks", seconds: float = PATIENCE) -> list[Received]:
        """Wait until so many have come to a path. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self.at(path)) < number:
                self._more.clear()
                await self._more.wait()
        return self.at(path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        path = request.split(" ")[1]
        self.received.append(Received(path, headers, body, time.monotonic()))
        self._more.set()
        await self.behave.get(path, answer())(writer)
        await writer.drain()
        return not writer.is_closing()


@asynccontextmanager
async def open_shop(tls: ssl.SSLContext | None = None) -> AsyncIterator[Shop]:
    shop = Shop(scheme="https" if tls else "http")
    serving: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(shop.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    shop.port = server.sockets[0].getsockname()[1]
    try:
        yield shop
    finally:
        server.close()
        await end(list(serving))
