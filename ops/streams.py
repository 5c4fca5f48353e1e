"""What JetStream says of the topology's streams and durable consumers, and of others that it has."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client
from pydantic import BaseModel, Field

from contracts.topology import DURABLES, streams
from ops.stack.errors import StackError

API_SECONDS = 5.0
_PAGES = 100


class StreamReport(BaseModel):
    """One stream. `stored_at` is when its newest message came; `known` is False of one that this version has not."""

    name: str
    known: bool
    exists: bool
    subjects: int = 0
    messages: int = 0
    bytes: int = 0
    max_bytes: int | None = None
    first_sequence: int = 0
    last_sequence: int = 0
    stored_at: datetime | None = None
    consumers: int = 0


class ConsumerReport(BaseModel):
    """One durable. `lag`: messages that it was not handed yet; `pending_acks`: handed, and not done with.

    `redelivered`: those of them that were handed to it more than once. `known` is False of one that this version has
    not: nobody takes what waits for it.
    """

    name: str
    stream: str
    service: str | None
    known: bool
    exists: bool
    lag: int = 0
    pending_acks: int = 0
    redelivered: int = 0
    delivered_at: datetime | None = None
    done_at: datetime | None = None


class _State(BaseModel):
    messages: int
    bytes: int
    first_seq: int
    last_seq: int
    last_ts: datetime
    consumer_count: int


class _Limits(BaseModel):
    name: str
    subjects: list[str] = []
    max_bytes: int


class _Stream(BaseModel):
    config: _Limits
    state: _State


class _Reached(BaseModel):
    last_active: datetime | None = None


class _Consumer(BaseModel):
    name: str
    delivered: _Reached
    ack_floor: _Reached
    num_ack_pending: int
    num_redelivered: int
    num_pending: int


class _Page(BaseModel):
    total: int = 0
    streams: list[_Stream] = []
    consumers: list[_Consumer] = []
    error: dict[str, Any] = Field(default_factory=dict)


async def read_streams(nc: Client) -> list[StreamReport]:
    """Return the topology's streams in its order, those that lack too, then others. Raises StackError."""
    found = {stream.config.name: stream async for stream in _streams(nc)}
    known = [stream.name for stream in streams()]
    names = [*known, *sorted(found.keys() - set(known))]
    return [_stream_report(name, found.get(name), known=name in known) for name in names]


async def read_consumers(nc: Client) -> list[ConsumerReport]:
    """Return the topology's durables in its order, those that lack too, then others. Raises StackError."""
    found = {
        (stream.config.name, consumer.name): consumer
        async for stream in _streams(nc)
        async for consumer in _consumers(nc, stream.config.name)
    }
    known = {(durable.stream, durable.name): durable.service for durable in DURABLES}
    names = [*known, *sorted(found.keys() - known.keys())]
    return [_consumer_report(*name, known.get(name), found.get(name)) for name in names]


def _stream_report(name: str, found: _Stream | None, *, known: bool) -> StreamReport:
    if found is None:
        return StreamReport(name=name, known=known, exists=False)
    state = found.state
    return StreamReport(
        name=name,
        known=known,
        exists=True,
        subjects=len(found.config.subjects),
        messages=state.messages,
        bytes=state.bytes,
        max_bytes=found.config.max_bytes if found.config.max_bytes > 0 else None,
        first_sequence=state.first_seq,
        last_sequence=state.last_seq,
        stored_at=state.last_ts if state.last_seq else None,
        consumers=state.consumer_count,
    )


def _consumer_report(stream: str, name: str, service: str | None, found: _Consumer | None) -> ConsumerReport:
    known = service is not None
    if found is None:
        return ConsumerReport(name=name, stream=stream, service=service, known=known, exists=False)
    return ConsumerReport(
        name=name,
        stream=stream,
        service=service,
        known=known,
        exists=True,
        lag=found.num_pending,
        pending_acks=found.num_ack_pending,
        redelivered=found.num_redelivered,
        delivered_at=found.delivered.last_active,
        done_at=found.ack_floor.last_active,
    )


async def _streams(nc: Client) -> AsyncIterator[_Stream]:
    async for page in _pages(nc, "$JS.API.STREAM.LIST"):
        for stream in page.streams:
            yield stream


async def _consumers(nc: Client, stream: str) -> AsyncIterator[_Consumer]:
    async for page in _pages(nc, f"$JS.API.CONSUMER.LIST.{stream}"):
        for consumer in page.consumers:
            yield consumer


async def _pages(nc: Client, subject: str) -> AsyncIterator[_Page]:
    """Ask page by page. Raises StackError when NATS refuses, or does not answer."""
    seen = 0
    for _ in range(_PAGES):
        try:
            answer = await nc.request(subject, orjson.dumps({"offset": seen}), timeout=API_SECONDS)
        except nats.errors.Error as error:
            raise StackError(f"NATS does not answer {subject}; see `ledgerlink status`") from error
        page = _Page.model_validate_json(answer.data)
        if page.error:
            raise StackError(f"NATS refuses {subject}: {page.error.get('description')}")
        yield page
        seen += len(page.streams) + len(page.consumers)
        if seen >= page.total:
            return
