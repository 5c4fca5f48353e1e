"""What the streams hold, read as the operator may, and said again as only its own sender may."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import orjson
from nats.aio.client import Client

from contracts.ids import new_id
from contracts.message import SOURCE_PREFIX
from contracts.topology import DURABLES, PROVISIONER, streams
from ops.stack.stack import Stack
from outbox.publisher import stored_message, stream_state
from tests.brokers import connected

PUBLISH_SECONDS = 5.0


@dataclass(frozen=True)
class Stored:
    """A message as a stream holds it."""

    stream: str
    subject: str
    payload: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        """The message as JSON. Raises ValueError when it is none."""
        envelope: dict[str, Any] = orjson.loads(self.payload)
        return envelope

    @property
    def sender(self) -> str:
        """The NATS user that said it."""
        return str(self.envelope["source"]).removeprefix(SOURCE_PREFIX)

    def under_a_new_id(self) -> "Stored":
        """Return the same message as if its sender had said it twice: no inbox can know it."""
        return replace(self, payload=orjson.dumps(self.envelope | {"id": str(new_id())}))


async def lengths(stack: Stack) -> dict[str, int]:
    """Return the last sequence of every stream."""
    async with connected(stack, PROVISIONER) as nc:
        states = {stream.name: await stream_state(nc, stream.name) for stream in streams()}
    return {name: state.last_sequence for name, state in states.items() if state}


async def stored_since(stack: Stack, before: dict[str, int]) -> list[Stored]:
    """Return all that the streams hold beyond the sequences in `before`, stream by stream in order."""
    after = await lengths(stack)
    found: list[Stored] = []
    async with connected(stack, PROVISIONER) as nc:
        for stream, last in after.items():
            for sequence in range(before[stream] + 1, last + 1):
                message = await stored_message(nc, stream, sequence)
                assert message is not None
                assert message.headers is not None
                found.append(Stored(stream, message.headers["Nats-Subject"], message.data))
    return found


async def say_again(stack: Stack, messages: Sequence[Stored]) -> None:
    """Publish messages once more, each as its own sender, without the header by which the stream would drop it."""
    async with AsyncExitStack() as open_connections:
        senders: dict[str, Client] = {}
        for message in messages:
            if message.sender not in senders:
                senders[message.sender] = await open_connections.enter_async_context(connected(stack, message.sender))
            await say(senders[message.sender], message)


async def say(sender: Client, message: Stored) -> None:
    """Publish one message and wait until the stream has it."""
    headers = {"Nats-Expected-Stream": message.stream}
    answer = await sender.request(message.subject, message.payload, timeout=PUBLISH_SECONDS, headers=headers)
    ack = orjson.loads(answer.data)
    assert "error" not in ack, ack
    assert not ack.get("duplicate"), "the stream dropped it, so no consumer would see it twice"


async def deliveries(stack: Stack) -> Counter[str]:
    """Return how often each durable was handed a message so far."""
    async with connected(stack, PROVISIONER) as nc:
        infos = [await nc.jetstream().consumer_info(durable.stream, durable.name) for durable in DURABLES]
    return Counter({info.name: info.delivered.consumer_seq for info in infos if info.delivered})


def expected_deliveries(messages: Iterable[Stored]) -> Counter[str]:
    """Return how often each durable must be handed something when these messages are published."""
    subjects = Counter(message.subject for message in messages)
    return Counter({durable.name: sum(subjects[subject] for subject in durable.subjects) for durable in DURABLES})
