"""An operation told as it goes on: that it is under way, and its outcome, which ends the stream."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from fastapi.sse import format_sse_event

from gateway.event_stream import HEARTBEAT, OPENING
from gateway.followed_operations import PROCESSING, Followed
from gateway.open_streams import OpenStreams
from gateway.problems import ProblemError

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.1, 1.0, 1.5
_HEARTBEAT_SECONDS = 15.0


async def operation_events(
    followed: Followed, shown: Mapping[str, Any], streams: OpenStreams, until: float
) -> AsyncIterator[bytes]:
    """Yield how the operation stands, and then its outcome; without one when it is `until` (monotonic seconds).

    `shown` is the operation as it was read last. While its service does not answer, nothing is told.
    """
    yield OPENING
    yield as_event(shown)
    pause, spoke_at = _FIRST_PAUSE, time.monotonic()
    while shown["status"] == PROCESSING:
        if streams.are_closing or time.monotonic() >= until:
            return
        await asyncio.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        shown = await _read(followed) or shown
        if shown["status"] != PROCESSING:
            yield as_event(shown)
        elif time.monotonic() - spoke_at >= _HEARTBEAT_SECONDS:
            yield HEARTBEAT
            spoke_at = time.monotonic()


async def _read(followed: Followed) -> Mapping[str, Any] | None:
    try:
        return await followed.read()
    except ProblemError as problem:
        if problem.code != "unavailable":
            raise
        return None


def as_event(shown: Mapping[str, Any]) -> bytes:
    """Return an operation as an event that is named by its status; an outcome has a number of its own."""
    number = "1" if shown["status"] == PROCESSING else "2"
    return format_sse_event(data_str=orjson.dumps(shown).decode(), event=f"operation.{shown['status']}", id=number)
