"""Publishes commands: those that are there at the moment go as one atomic batch, which costs JetStream one fsync."""

import asyncio
from collections.abc import Iterable

import nats.errors
import structlog

from gateway.broker import Broker
from gateway.exchange import Exchange
from gateway.metrics import COMMAND_PUBLISH_FAILURES, COMMANDS_PUBLISHED
from outbox.publisher import PublishError, publish

_LOG = structlog.get_logger()
_BATCH = 500
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_EXPECTED = (PublishError, nats.errors.Error, OSError, TimeoutError)


class _Lane:
    """The commands of one stream, in order. It runs only while there are some, so an idle gateway adds no delay."""

    def __init__(self, broker: Broker, stream: str) -> None:
        self._broker, self._stream = broker, stream
        self._queue: list[Exchange] = []
        self._task: asyncio.Task[None] | None = None

    def put(self, exchange: Exchange) -> None:
        self._queue.append(exchange)
        self._run()

    def restart(self, exchanges: Iterable[Exchange]) -> None:
        """Send these again: what the old connection was doing is void."""
        self.stop()
        self._queue = list(exchanges)
        self._run()

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _run(self) -> None:
        if self._queue and (self._task is None or self._task.done()) and self._broker.is_ready:
            self._task = asyncio.create_task(self._send_all(), name=f"publish {self._stream}")

    async def _send_all(self) -> None:
        pause = _FIRST_PAUSE
        while self._broker.is_ready and (batch := self._next_batch()):
            try:
                await publish(self._broker.client, self._stream, batch)
            except _EXPECTED as error:
                COMMAND_PUBLISH_FAILURES.labels(self._stream).inc()
                _LOG.warning("publish waits", stream=self._stream, error=str(error) or type(error).__name__)
                self._queue[:0] = batch
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                COMMANDS_PUBLISHED.labels(self._stream).inc(len(batch))
                pause = _FIRST_PAUSE

    def _next_batch(self) -> list[Exchange]:
        """Take what is still waited for, at most one atomic batch."""
        waiting = [exchange for exchange in self._queue if exchange.is_unheard]
        self._queue = waiting[_BATCH:]
        return waiting[:_BATCH]


class CommandPublisher:
    """Sends each command until JetStream has it, its owner has answered, or nobody waits any more."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._lanes: dict[str, _Lane] = {}

    def put(self, exchange: Exchange) -> None:
        """Send a command as soon as the connection allows. Bounded by the number of exchanges in flight."""
        self._lane(exchange.stream).put(exchange)

    def restart(self, exchanges: Iterable[Exchange]) -> None:
        """Send all of these again, on a new connection: the broker may have forgotten what it had."""
        unheard: dict[str, list[Exchange]] = {stream: [] for stream in self._lanes}
        for exchange in exchanges:
            if exchange.is_unheard:
                unheard.setdefault(exchange.stream, []).append(exchange)
        for stream, waiting in unheard.items():
            self._lane(stream).restart(waiting)

    def close(self) -> None:
        """Stop sending."""
        for lane in self._lanes.values():
            lane.stop()

    def _lane(self, stream: str) -> _Lane:
        if stream not in self._lanes:
            self._lanes[stream] = _Lane(self._broker, stream)
        return self._lanes[stream]
