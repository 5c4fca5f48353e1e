"""The gateway's NATS connection. The gateway starts, and goes on, without it; what needs it says so meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.ids import new_id
from contracts.message import GATEWAY_REPLIES, Message
from outbox.connection import connection_options
from outbox.ending import end
from outbox.settings import BrokerSettings

_LOG = structlog.get_logger()
_CLOSE_SECONDS = 2.0
Hears = Callable[[Msg], Awaitable[None]]


class Broker:
    """One connection, and this instance's own reply subject."""

    def __init__(self, settings: BrokerSettings) -> None:
        self.client = Client()
        self.replies = f"{GATEWAY_REPLIES}.{new_id().hex}"
        self._settings = settings
        self._listening = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether messages go out now and replies come in."""
        return self._listening and self.client.is_connected

    def start(
        self, on_reply: Hears, on_connected: Callable[[], Awaitable[None]], events: Mapping[type[Message], Hears]
    ) -> None:
        """Begin to connect; `on_connected` runs after each connection and reconnection, `events` are listened to."""
        self._task = asyncio.create_task(self._connect(on_reply, on_connected, events), name="nats")

    async def _connect(
        self, on_reply: Hears, on_connected: Callable[[], Awaitable[None]], events: Mapping[type[Message], Hears]
    ) -> None:
        async def reconnected() -> None:
            _LOG.info("connected to NATS again")
            await on_connected()

        await self.client.connect(**connection_options(self._settings, "gateway", reconnected))
        await self.client.subscribe(self.replies, cb=on_reply)
        for event, hears in events.items():
            await self.client.subscribe(event.contract.subject, cb=hears)
        self._listening = True
        _LOG.info("connected to NATS", replies=self.replies)
        await on_connected()

    async def close(self) -> None:
        """Close the connection, in bounded time."""
        if self._task is not None:
            await end([self._task])
        with suppress(nats.errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.client.close()
