"""Endpoints to send to: one server that answers at once, one that takes everything and never answers, and nobody."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import cast

import orjson

HOST = "127.0.0.1"
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "
_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"


class Kind(StrEnum):
    """What becomes of what is sent to an endpoint."""

    ANSWERS = "answers"
    SILENT = "silent"
    ABSENT = "absent"


@dataclass
class Arrivals:
    """What has arrived where answers are given: seconds since each event, by when it arrived first."""

    seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    repeated: int = 0

    def take(self, path: str, body: bytes) -> None:
        """Note an event that arrives now."""
        event = orjson.loads(body)
        name = (path, event["id"])
        if name in self.seconds:
            self.repeated += 1
        else:
            self.seconds[name] = time.time() - datetime.fromisoformat(event["timestamp"]).timestamp()


class _Answering(asyncio.Protocol):
    """Reads requests as httpcore writes them, and answers each with 204."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._unread = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are transports by what they do alone

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := self._unread.find(_END_OF_HEAD)) >= 0:
            head = self._unread[:end]
            length = int(head.lower().split(_LENGTH, 1)[1].split(b"\r\n", 1)[0])
            body = self._unread[end + len(_END_OF_HEAD) :]
            if len(body) < length:
                return
            self._unread = body[length:]
            self._arrivals.take(head.split(b" ", 2)[1].decode(), body[:length])
            if self._transport is not None:
                self._transport.write(_TAKEN)


@asynccontextmanager
async def receivers() -> AsyncIterator[tuple[Arrivals, dict[Kind, str]]]:
    """Run the servers; yield what arrives, and the URL of each kind."""
    arrivals = Arrivals()
    loop = asyncio.get_running_loop()
    with socket.socket() as absent:  # bound and not listening: connections are refused
        absent.bind((HOST, 0))
        answering = await loop.create_server(lambda: _Answering(arrivals), HOST, 0, backlog=1024)
        silent = await loop.create_server(asyncio.Protocol, HOST, 0, backlog=1024)
        ports = {
            Kind.ANSWERS: answering.sockets[0].getsockname()[1],
            Kind.SILENT: silent.sockets[0].getsockname()[1],
            Kind.ABSENT: absent.getsockname()[1],
        }
        try:
            yield arrivals, {kind: f"http://{HOST}:{port}" for kind, port in ports.items()}
        finally:
            answering.close()
            silent.close()
