"""The least HTTP client that webhooks need: POSTs over connections that stay open.

The import of a library for it would cost more than all else here, at every start of the stack.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlsplit

import httptools

_CHUNK = 16 * 1024
_LARGEST_ANSWER = 64 * 1024
_PORTS = {"http": 80, "https": 443}


class _Answer:
    """What the parser tells of an answer."""

    def __init__(self) -> None:
        self.complete = False

    def on_message_complete(self) -> None:
        self.complete = True


class Connections:
    """The open connections to one receiver. Not more of them than posts at the same time."""

    def __init__(self, url: str) -> None:
        """Take a URL's scheme, host and port. Nothing is opened yet."""
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        self._secure = parts.scheme == "https"
        self._head = f"POST {parts._replace(scheme='', netloc='').geturl()} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def post(self, headers: Mapping[str, str], body: bytes, deadline: float) -> int:
        """Return the answer's status. Raises OSError, TimeoutError, or httptools.HttpParserError."""
        async with asyncio.timeout(deadline):
            reader, writer = await self._connection()
            keep = False
            try:
                writer.write(self._request(headers, body))
                await writer.drain()
                status, keep = await _answer(reader)
            finally:
                if keep:
                    self._idle.append((reader, writer))
                else:
                    writer.close()
        return status

    def close(self) -> None:
        """Close what is open."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port, ssl=self._secure or None)

    def _request(self, headers: Mapping[str, str], body: bytes) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self._head}{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Return the status of an answer, and whether the connection may be used again."""
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    received = 0
    while not answer.complete:
        chunk = await reader.read(_CHUNK)
        received += len(chunk)
        if not chunk or received > _LARGEST_ANSWER:
            raise ConnectionError("the answer ended early, or never")
        parser.feed_data(chunk)
    return parser.get_status_code(), parser.should_keep_alive()
