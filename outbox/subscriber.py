"""FastStream's batch pull subscriber without its waiting: a batch is whatever is there at once.

FastStream's own waits for a full batch or a time-out, which costs a lone message tens of milliseconds, and nats-py's
`fetch` asks the server anew for each batch. This one keeps a pull request open at the server (the "next message"
API of JetStream), so that a message comes the moment it is stored, and a backlog piles up here into one big batch.
"""

import asyncio
from contextlib import suppress
from typing import Any

import nats.errors
import orjson
import structlog
from faststream.nats.subscriber.usecases import BatchPullStreamSubscriber
from nats.aio.msg import Msg

_LOG = structlog.get_logger()
_EXPIRES_SECONDS = 30.0
_HEARTBEAT_SECONDS = 0.5
_SILENCE_SECONDS = 1.25
BATCHES_AT_ONCE = 1


class EagerBatchSubscriber(BatchPullStreamSubscriber):
    """Takes up to `pull_sub.batch_size` messages at once, one when idle, all that wait under load."""

    _arrived: "asyncio.Queue[Msg]"
    _asked: int

    @property
    def _durable(self) -> str:
        return str(self.extra_options["durable"])

    async def _create_subscription(self) -> None:
        if self.subscription:
            return
        self._arrived = asyncio.Queue()
        self._asked = 0
        self._answers_to = self.connection.new_inbox()
        subscription: Any = await self.connection.subscribe(self._answers_to, cb=self._arrived.put)
        self.subscription = subscription
        self.add_task(self._consume_pull)

    async def _consume_pull(self) -> None:
        limit = self.pull_sub.batch_size
        while self.running:
            try:
                if self._asked <= limit // 2:
                    await self._ask_for(limit - self._asked)
                batch = await self._take(limit)
            except (nats.errors.Error, OSError) as error:
                _LOG.warning("pull waits", durable=self._durable, error=str(error) or type(error).__name__)
                self._asked = 0
                await asyncio.sleep(_HEARTBEAT_SECONDS)
                continue
            if batch and self.running:
                await self.consume(batch)

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
        """Wait for a first message, then take all that have arrived, at most `limit`."""
        try:
            message = await asyncio.wait_for(self._arrived.get(), _SILENCE_SECONDS)
        except TimeoutError:  # not even a heartbeat: the request is lost (restart, reconnect), ask again
            self._asked = 0
            return []
        batch: list[Msg] = []
        while True:
            if status := _status(message):
                await self._note(status, message)
            else:
                self._asked -= 1
                batch.append(message)
            if len(batch) >= limit or self._arrived.empty():
                return batch
            message = self._arrived.get_nowait()

    async def _note(self, status: str, message: Msg) -> None:
        """Follow what the server says of a pull request: 100 is a heartbeat, anything else ends it."""
        if status == "100":
            return
        pending = (message.headers or {}).get("Nats-Pending-Messages")
        self._asked = max(0, self._asked - int(pending)) if pending else 0
        if status in {"404", "409", "503"}:
            await asyncio.sleep(_HEARTBEAT_SECONDS / 2)  # no such consumer now: it comes back with the provisioner

    async def stop(self) -> None:
        """Stop taking, finish the batch in hand, and give back what has arrived but was not begun."""
        begun = self.subscription is not None
        await super().stop()
        while begun and not self._arrived.empty():
            message = self._arrived.get_nowait()
            if not _status(message):
                with suppress(nats.errors.Error):
                    await message.nak()


def _status(message: Msg) -> str | None:
    """Return what the server itself says of a pull request; None for a message, whatever its sender put into it."""
    return None if message.reply.startswith("$JS.ACK.") else (message.headers or {}).get("Status")


def make_eager(subscriber: Any) -> EagerBatchSubscriber:
    """Turn the batch pull subscriber that FastStream's factory made into this one; it has the same lay-out."""
    subscriber.__class__ = EagerBatchSubscriber
    eager: EagerBatchSubscriber = subscriber
    return eager
