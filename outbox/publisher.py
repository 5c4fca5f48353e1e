"""Publishing to one stream: an atomic batch, which costs one fsync, or one by one where the stream refuses that."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

PUBLISH_SECONDS = 5.0
ATOMIC_BATCH_LIMIT = 1000
_SINGLES_IN_FLIGHT = 64
_DUPLICATE_IN_BATCH = 10201


class PublishError(Exception):
    """The stream did not take what was published; `code` is JetStream's error code, 0 when none came."""

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


class Publishable(Protocol):
    """What can be published: the id that it is deduplicated by, where it goes, and its bytes."""

    @property
    def event_id(self) -> UUID:
        """The envelope's id."""

    @property
    def subject(self) -> str:
        """The subject, of the one stream that the batch goes to."""

    @property
    def payload(self) -> bytes:
        """The encoded envelope."""


@dataclass(frozen=True)
class Said:
    """An outbox row to publish."""

    position: int
    event_id: UUID
    subject: str
    envelope: str

    @property
    def payload(self) -> bytes:
        """The envelope with its outbox position as CloudEvents `sequence`, which only the row knows."""
        return f'{{"sequence":"{self.position:020d}",{self.envelope[1:]}'.encode()


@dataclass(frozen=True)
class StreamState:
    """What tells one incarnation of a stream from another, and how far it reaches."""

    created: datetime
    first_sequence: int
    last_sequence: int


async def publish(nc: Client, stream: str, batch: Sequence[Publishable]) -> int:
    """Publish in order; return the stream sequence of the last. Raises PublishError or a nats error."""
    if len(batch) == 1:
        return await _publish_single(nc, stream, batch[0])
    try:
        return await _publish_atomically(nc, stream, batch)
    except PublishError as error:
        if error.code != _DUPLICATE_IN_BATCH:
            raise
    return await _publish_singly(nc, stream, batch)


async def _publish_atomically(nc: Client, stream: str, batch: Sequence[Publishable]) -> int:
    """Publish as one atomic batch (JetStream 2.12, ADR-50): visible whole or not at all."""
    headers = {"Nats-Batch-Id": uuid4().hex}
    for number, said in enumerate(batch[:-1], start=1):
        headers |= {"Nats-Batch-Sequence": str(number), "Nats-Msg-Id": str(said.event_id)}
        await nc.publish(said.subject, said.payload, headers=headers)
    headers |= {"Nats-Batch-Sequence": str(len(batch)), "Nats-Batch-Commit": "1"}
    return await _request(nc, stream, batch[-1], headers)


async def _publish_singly(nc: Client, stream: str, batch: Sequence[Publishable]) -> int:
    last = 0
    for start in range(0, len(batch), _SINGLES_IN_FLIGHT):
        some = batch[start : start + _SINGLES_IN_FLIGHT]
        sequences = await asyncio.gather(*(_publish_single(nc, stream, said) for said in some))
        last = max(last, *sequences)
    return last


async def _publish_single(nc: Client, stream: str, said: Publishable) -> int:
    return await _request(nc, stream, said, {})


async def _request(nc: Client, stream: str, said: Publishable, headers: dict[str, str]) -> int:
    headers = headers | {"Nats-Msg-Id": str(said.event_id), "Nats-Expected-Stream": stream}
    answer = await nc.request(said.subject, said.payload, timeout=PUBLISH_SECONDS, headers=headers)
    ack = _parsed(answer)
    sequence: int = ack["seq"]
    return sequence


async def stream_state(nc: Client, stream: str) -> StreamState | None:
    """Ask for a stream's incarnation and reach; None when it does not exist."""
    answer = await nc.request(f"$JS.API.STREAM.INFO.{stream}", b"", timeout=PUBLISH_SECONDS)
    try:
        info = _parsed(answer)
    except PublishError as error:
        if error.code == _STREAM_NOT_FOUND:
            return None
        raise
    state = info["state"]
    return StreamState(datetime.fromisoformat(info["created"]), state["first_seq"], state["last_seq"])


_STREAM_NOT_FOUND = 10059


async def stored_message(nc: Client, stream: str, sequence: int) -> Msg | None:
    """Read one message of a stream by its sequence (direct get); None when there is none."""
    query = orjson.dumps({"seq": sequence})
    answer = await nc.request(f"$JS.API.DIRECT.GET.{stream}", query, timeout=PUBLISH_SECONDS)
    return None if answer.headers and answer.headers.get("Status") else answer


def _parsed(answer: Msg) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(answer.data)
    if error := body.get("error"):
        raise PublishError(str(error.get("description")), int(error.get("err_code", 0)))
    return body
