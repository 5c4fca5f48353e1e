"""FastStream's batch pull subscriber without its waiting: a batch is whatever is there at once.

FastStream's own waits for a full batch or a time-out, which costs a lone message tens of milliseconds, and nats-py's
`fetch` asks the server anew for each batch. This one keeps a pull request open at the server (the "next message"
API of JetStream), so that a message comes the moment it is stored, and a backlog piles up here into one big batch.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import nats.errors
import orjson
import structlog
from faststream.nats.subscriber.usecases import BatchPullStreamSubscriber
from nats.aio.msg import Msg

from outbox.deadlines import MOST_IN_BATCH, Deadlines
from outbox.ending import end

_LOG = structlog.get_logger()
_EXPIRES_SECONDS = 30.0
_HEARTBEAT_SECONDS = 0.5
_SILENCE_SECONDS = 1.25
BATCHES_AT_ONCE = 2
"""One is decoded and recorded while the one before it is written (outbox.turns)."""


class EagerBatchSubscriber(BatchPullStreamSubscriber):
    """Takes up to `pull_sub.batch_size` messages at once, one when idle, all that wait under load.

    So many may wait here. With `deadlines` those that wait in vain do not count: others have to arrive to be answered.
    """

    deadlines: Deadlines | None
    _arrived: deque[Msg]
    _changed: asyncio.Event
    _under_way: set["asyncio.Task[None]"]
    _asked: int
    _heard_at: float
    _pause: float

    @property
    def _durable(self) -> str:
        return str(self.extra_options["durable"])

    async def _create_subscription(self) -> None:
        if self.subscription:
            return
        self._arrived, self._changed, self._under_way = deque(), asyncio.Event(), set()
        self._asked, self._heard_at, self._pause = 0, asyncio.get_running_loop().time(), 0.0
        if self.deadlines:
            self.deadlines.when_overdue(self._changed.set)
        self._answers_to = self.connection.new_inbox()
        subscription: Any = await self.connection.subscribe(self._answers_to, cb=self._arrive)
        self.subscription = subscription
        self.add_task(self._consume_pull)

    async def _consume_pull(self) -> None:
        limit = self.pull_sub.batch_size
        at_once = min(limit, MOST_IN_BATCH) if self.deadlines else limit
        while self.running:
            try:
                room = limit + (self.deadlines.overdue if self.deadlines else 0)
                if room - self._asked >= limit - limit // 2:
                    await self._ask_for(room - self._asked)
                batch = await self._take(at_once)
            except (nats.errors.Error, OSError) as error:
                _LOG.warning("pull waits", durable=self._durable, error=str(error) or type(error).__name__)
                self._asked = len(self._arrived)
                await asyncio.sleep(_HEARTBEAT_SECONDS)
                continue
            if batch:
                task = asyncio.create_task(self._handle(batch))
                self._under_way.add(task)
                task.add_done_callback(self._finished)

    async def _handle(self, batch: list[Msg]) -> None:
        if self.running:
            await self.consume(batch)
        else:
            await _give_back(batch)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._changed.set()

    async def _ask_for(self, number: int) -> None:
        request = {
            "batch": number,
            "expires": int(_EXPIRES_SECONDS * 1e9),
            "idle_heartbeat": int(_HEARTBEAT_SECONDS * 1e9),
        }
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream.name}.{self._durable}"
        await self.connection.publish(subject, orjson.dumps(request), reply=self._answers_to)
        self._asked += number

    async def _take(self, limit: int) -> list[Msg]:
        """Wait until a batch may begin, and take all that have arrived, at most `limit`; none: look again."""
        while not self._may_begin(limit):
            if self._pause:
                await asyncio.sleep(self._pause)
                self._pause = 0.0
                return []
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), _SILENCE_SECONDS)
            except TimeoutError:
                if asyncio.get_running_loop().time() - self._heard_at >= _SILENCE_SECONDS:
                    # Not even a heartbeat: the request is lost (restart, reconnect), ask again.
                    self._asked = len(self._arrived)
                return []
            if self._asked <= limit // 2 or (self.deadlines and self.deadlines.overdue):
                return []
        batch = [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]
        self._asked = max(0, self._asked - len(batch))
        return batch

    def _may_begin(self, limit: int) -> bool:
        """Begin at once when idle; beside another batch only with a large one, since few large ones cost least."""
        if not self._under_way:
            return bool(self._arrived)
        return len(self._under_way) < BATCHES_AT_ONCE and len(self._arrived) > limit // 2

    async def _arrive(self, message: Msg) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        if status := _status(message):
            self._note(status, message)
        else:
            self._arrived.append(message)
            if self.deadlines:
                self.deadlines.arrived(message)
        self._changed.set()

    def _note(self, status: str, message: Msg) -> None:
        """Follow what the server says of a pull request: 100 is a heartbeat, anything else ends it."""
        if status == "100":
            return
        pending = (message.headers or {}).get("Nats-Pending-Messages")
        self._asked = max(0, self._asked - int(pending)) if pending else len(self._arrived)
        if status in {"404", "409", "503"}:
            self._pause = _HEARTBEAT_SECONDS / 2  # no such consumer now: it comes back with the provisioner

    async def stop(self) -> None:
        """Stop taking, finish the batches in hand, and give back what has arrived but was not begun."""
        begun = self.subscription is not None
        await super().stop()
        if begun:
            await end(list(self._under_way))
            await _give_back(self._arrived)
            self._arrived.clear()


async def _give_back(messages: Iterable[Msg]) -> None:
    with suppress(nats.errors.Error):
        for message in messages:
            await message.nak()


def _status(message: Msg) -> str | None:
    """Return what the server itself says of a pull request; None for a message, whatever its sender put into it."""
    return None if message.reply.startswith("$JS.ACK.") else (message.headers or {}).get("Status")


def make_eager(subscriber: Any, deadlines: Deadlines | None = None) -> EagerBatchSubscriber:
    """Turn the batch pull subscriber that FastStream's factory made into this one; it has the same lay-out."""
    subscriber.__class__ = EagerBatchSubscriber
    eager: EagerBatchSubscriber = subscriber
    eager.deadlines = deadlines
    return eager
