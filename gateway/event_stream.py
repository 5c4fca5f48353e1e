"""A response of server-sent events (HTML Standard §9.2), which ends in time and frees its place however it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager

import structlog
from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"
_LOG = structlog.get_logger()
_RETRY_MILLISECONDS = 1000
_GRACE_SECONDS = 5.0

OPENING = format_sse_event(retry=_RETRY_MILLISECONDS)
"""Tells the client at once that the stream is open, and when to come back after it has ended."""
HEARTBEAT = format_sse_event(comment="still open")
"""Keeps whatever is in between from closing a silent connection, and finds out whether the client is still there."""


class EventStream(StreamingResponse):
    """Sends events as they come. The next is only fetched when the client has taken the one before (backpressure).

    `place` is held until the stream has ended or the client is gone. `seconds` is when the events end by themselves; a
    client that takes nothing any more is left a moment after that. What comes when it may not go on, because the access
    of who reads has ended, is not sent, and ends the stream.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        events: AsyncIterator[bytes],
        place: AbstractContextManager[object],
        seconds: float,
        may_go_on: Callable[[], bool],
    ) -> None:
        # Proxies that buffer (nginx) would keep events until there are many.
        super().__init__(_while_it(may_go_on, events), headers={"X-Accel-Buffering": "no"})
        self._place, self._seconds = place, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        with self._place:
            try:
                async with asyncio.timeout(self._seconds + _GRACE_SECONDS):
                    await super().__call__(scope, receive, send)
            except TimeoutError:
                _LOG.info("event stream cut off: its client takes nothing")


async def _while_it(may_go_on: Callable[[], bool], events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for event in events:
        if not may_go_on():
            return
        yield event
