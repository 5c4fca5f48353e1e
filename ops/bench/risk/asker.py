"""Stands where the payments service does, which does not run: asks risk, and hears what it answers and decides."""

import asyncio
import time
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.risk import Assess
from contracts.topology import durable, stream_of
from ops.bench.risk.requests import Requests
from outbox.publisher import publish

SUBSCRIBER = "payments-risk-decision"
_PULL_SECONDS = 600
_PULL_MESSAGES = 1_000_000


class Request(NamedTuple):
    """A request to publish."""

    assessment: UUID
    payload: bytes

    @property
    def event_id(self) -> UUID:
        """The assessment's id, which no other request has."""
        return self.assessment

    @property
    def subject(self) -> str:
        """Where every request goes."""
        return Assess.contract.subject


@dataclass(slots=True)
class Asked:
    """A request on its way: when it was sent, when the first answer came, and whether that was by policy."""

    sent: float
    answered: float = 0.0
    degraded: bool = False


class Asker:
    """Sends requests; `decided` are those whose durable decision has come, the last one at `decided_at`."""

    def __init__(self, nc: Client, requests: Requests) -> None:
        self._nc, self._requests = nc, requests
        self._waiting: dict[str, Asked] = {}
        self._changed = asyncio.Event()
        self.decided: list[Asked] = []
        self.decided_at = 0.0

    @property
    def waiting(self) -> int:
        """How many requests are not decided yet."""
        return len(self._waiting)

    async def listen(self) -> None:
        """Ask the durable for all that comes, as the service's own subscriber does."""
        spec, inbox = durable(SUBSCRIBER), self._nc.new_inbox()
        await self._nc.subscribe(inbox, cb=self._take)
        request = {"batch": _PULL_MESSAGES, "expires": _PULL_SECONDS * 10**9}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{spec.stream}.{spec.name}"
        await self._nc.publish(subject, orjson.dumps(request), reply=inbox)

    async def ask(self, number: int = 1) -> None:
        """Send the next requests, as the relay of payments does: many at once as one batch."""
        batch = [Request(*self._requests.one()) for _ in range(number)]
        now = time.perf_counter()
        self._waiting.update((str(request.assessment), Asked(now)) for request in batch)
        await publish(self._nc, stream_of(Assess.contract.subject), batch)

    async def fewer_than(self, number: int, deadline: float) -> bool:
        """Wait until fewer requests wait; tell whether they do, at the latest at `deadline` (time.perf_counter)."""
        while len(self._waiting) >= number:
            self._changed.clear()
            try:
                async with asyncio.timeout(deadline - time.perf_counter()):
                    await self._changed.wait()
            except TimeoutError:
                return False
        return True

    async def _take(self, message: Msg) -> None:
        arrived = time.perf_counter()
        if message.reply.startswith("$JS.ACK."):
            await message.ack()
        if not message.data:
            return
        decision = orjson.loads(message.data)["data"]
        asked = self._waiting.get(decision["assessment_id"])
        if asked is None:
            return
        asked.answered = asked.answered or arrived
        if decision.get("degraded"):
            asked.degraded = True
            return
        del self._waiting[decision["assessment_id"]]
        self.decided.append(asked)
        self.decided_at = arrived
        self._changed.set()
