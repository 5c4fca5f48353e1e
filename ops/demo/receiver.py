"""Grace's own server: it takes webhooks over HTTP/1.1, and verifies each with the library of Standard Webhooks."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from standardwebhooks import Webhook, WebhookVerificationError

from ops.demo.report import WebhookLine
from ops.stack.ports import HOST

EVERYWHERE = "0.0.0.0"  # noqa: S104  # in a container, where others are to reach it
LARGEST_BODY = 1 << 20
CONNECTION_SECONDS = 60.0
_END_OF_HEAD = b"\r\n\r\n"
_TAKEN, _REFUSED = (f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode() for status in ("200 OK", "400 Bad"))


@dataclass
class Receiver:
    """What has come so far. `secret` is the endpoint's, known once it is made."""

    url: str = ""
    secret: str = ""
    received: list[WebhookLine] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait_for(self, number: int, seconds: float) -> None:
        """Wait until so many events have come, but no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: len(self.received) >= number)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it is closed."""
        try:
            async with asyncio.timeout(CONNECTION_SECONDS):
                while True:
                    lines = (await reader.readuntil(_END_OF_HEAD)).decode("latin-1").split("\r\n")[1:]
                    headers = {
                        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
                    }
                    body = await reader.readexactly(min(LARGEST_BODY, int(headers.get("content-length", "0"))))
                    writer.write(_TAKEN if await self._take(headers, body) else _REFUSED)
                    await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, TimeoutError, ValueError):
            pass  # the client has gone, or speaks no HTTP that we know
        finally:
            writer.close()

    async def _take(self, headers: dict[str, str], body: bytes) -> bool:
        """Verify an event and keep it; return whether its signature is right. Raises ValueError when it is none."""
        try:
            Webhook(self.secret).verify(body, headers)
            verified = True
        except WebhookVerificationError:
            verified = False
        event = json.loads(body)
        about = event["data"].get("payment_intent") or event["data"]["refund"]
        intent = about["payment_intent"] if "refund" in event["data"] else about["id"]
        after = datetime.now(UTC) - datetime.fromisoformat(event["timestamp"])
        line = WebhookLine(
            type=event["type"],
            payment_intent_id=intent,
            arrived_after_ms=round(after.total_seconds() * 1000, 1),
            verified=verified,
        )
        async with self._changed:
            self.received.append(line)
            self._changed.notify_all()
        return verified


@asynccontextmanager
async def receiving(host: str = HOST) -> AsyncIterator[Receiver]:
    """Listen on a free port; `host` is how those who send reach it."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, HOST if host == HOST else EVERYWHERE, 0)
    receiver.url = f"http://{host}:{server.sockets[0].getsockname()[1]}/hooks"
    try:
        yield receiver
    finally:
        server.close()
