"""What is really said while the system works: what the streams hold, what is asked, and how it is answered."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.message import GATEWAY_REPLIES, REGISTRY, SOURCE_PREFIX, Kind, Reply
from gateway.settings import GatewaySettings
from gateway.tests.conftest import PLENTY, Gateway, running
from ops.stack.stack import Stack
from tests.books import at_rest
from tests.brokers import connected
from tests.pacts.expectations import named
from tests.streams import lengths, stored_since

Json = Mapping[str, Any]


@dataclass
class Recording:
    """The envelopes that were said, as bytes, in no order."""

    said: list[bytes] = field(default_factory=list)

    def by_name(self) -> dict[tuple[str, str], list[bytes]]:
        """Return them by who said them and how an expectation would describe them; most have one name, some two."""
        envelopes = {
            envelope["id"]: (envelope, payload) for payload in self.said for envelope in [orjson.loads(payload)]
        }
        types = {identifier: envelope["type"] for identifier, (envelope, _) in envelopes.items()}
        sources = {identifier: _sender(envelope) for identifier, (envelope, _) in envelopes.items()}
        found: dict[tuple[str, str], list[bytes]] = {}
        for envelope, payload in envelopes.values():
            for name in _names(envelope, types, sources):
                found.setdefault((_sender(envelope), name), []).append(payload)
        return found


def _sender(envelope: Json) -> str:
    return str(envelope["source"]).removeprefix(SOURCE_PREFIX)


def _names(envelope: Json, types: Mapping[str, str], sources: Mapping[str, str]) -> Iterable[str]:
    """Yield how an envelope is described; a refusal is no answer that anybody hands on."""
    message, cause = REGISTRY[envelope["type"]], envelope.get("causationid", "")
    if message is not Reply:
        yield named(message)
        if message.contract.kind is Kind.EVENT and sources.get(cause) not in (None, message.contract.owner):
            yield named(message, asked_by=sources[cause])
    elif envelope["data"]["outcome"] == "completed" and "problem" not in envelope["data"] and cause in types:
        yield named(REGISTRY[types[cause]], answer=True)


@asynccontextmanager
async def recorded(stack: Stack) -> AsyncIterator[tuple[Gateway, Recording]]:
    """Lend one more gateway of the stack, in this process, and record what is said until the block ends."""
    # Of identity all: a signing key is published before anybody can log in.
    recording, before = Recording(), await lengths(stack) | {"IDENTITY_EVENTS": 0}
    request = Client.request

    async def asked(client: Client, subject: str, payload: bytes = b"", *args: Any, **options: Any) -> Msg:
        answer = await request(client, subject, payload, *args, **options)
        if f".{Kind.QUERY.value}." in subject:
            recording.said += [payload, answer.data]
        return answer

    async def heard(message: Msg) -> None:
        recording.said.append(message.data)

    with pytest.MonkeyPatch.context() as patched:
        for name, value in stack.parts.environments.gateway().items():
            patched.setenv(name, value)
        patched.setattr(Client, "request", asked)
        settings = GatewaySettings().model_copy(update={"rate_limits": PLENTY, "access_log": False})
        async with connected(stack, "gateway") as replies, running(settings) as gateway:
            await replies.subscribe(f"{GATEWAY_REPLIES}.*", cb=heard)
            await replies.flush()
            yield gateway, recording
            await at_rest(stack)
    recording.said += [
        stored.payload for stored in await stored_since(stack, before) if stored.stream != "DEAD_LETTERS"
    ]
