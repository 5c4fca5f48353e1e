"""What happens to a payment, told as it happens: its timeline is read again and again, more slowly while it rests."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi.sse import format_sse_event

from contracts.payments import GetTimeline, PaymentStatus
from gateway.event_stream import HEARTBEAT, OPENING
from gateway.open_streams import OpenStreams
from gateway.problems import ProblemError
from gateway.queries import Queries
from gateway.request_context import RequestContext

FINAL = frozenset({PaymentStatus.SUCCEEDED.value, PaymentStatus.CANCELED.value})
"""After these a payment goes no further; what becomes of refunds and disputes is told by webhooks."""
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.1, 1.0, 1.5
_HEARTBEAT_SECONDS = 15.0
_NOTHING: Mapping[str, Any] = {"hops": []}
Page = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Watch:
    """Which timeline is read, by whom, and until when (monotonic seconds)."""

    asked: GetTimeline
    queries: Queries
    streams: OpenStreams
    context: RequestContext
    until: float

    @property
    def is_over(self) -> bool:
        """Whether the stream is to end, wherever the payment stands."""
        return self.streams.are_closing or time.monotonic() >= self.until

    async def read(self, after: int) -> Page:
        """Return the hops after one; none while payments does not answer. Raises ProblemError for its refusals."""
        asked = self.asked.model_copy(update={"after": after})
        try:
            return await self.queries.ask(asked, self.context)
        except ProblemError as problem:
            if problem.code != "unavailable":
                raise
            return _NOTHING


async def payment_events(watch: Watch, page: Page, *, is_final: bool) -> AsyncIterator[bytes]:
    """Yield the events of a page and of all that follow it, until the payment goes no further or the watch is over.

    `is_final` says that the payment was at its end before `page` was read.
    """
    yield OPENING
    after, pause, spoke_at = watch.asked.after, _FIRST_PAUSE, time.monotonic()
    while True:
        hops = page["hops"]
        for hop in hops:
            if hop.get("event"):
                yield as_event(hop)
                spoke_at = time.monotonic()
        after = hops[-1]["number"] if hops else after
        is_final = is_final or bool(hops and hops[-1]["status"] in FINAL)
        has_more = page.get("next_after") is not None
        if watch.is_over or (is_final and not has_more):
            return
        if not has_more:
            if time.monotonic() - spoke_at >= _HEARTBEAT_SECONDS:
                yield HEARTBEAT
                spoke_at = time.monotonic()
            pause = _FIRST_PAUSE if hops else min(pause * _GROWTH, _LONGEST_PAUSE)
            await asyncio.sleep(pause)
        page = await watch.read(after)


def as_event(hop: Mapping[str, Any]) -> bytes:
    """Return a hop that was told publicly as an event named by its type; its data is what a webhook's body is."""
    content = {"id": hop["event_id"], "type": hop["event"], "timestamp": hop["at"], "data": hop["data"]}
    return format_sse_event(data_str=orjson.dumps(content).decode(), event=hop["event"], id=str(hop["number"]))
