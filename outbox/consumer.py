"""The batch consumer: one transaction a batch, halves on failure, back-off, and the dead-letter stream at the end."""

import asyncio
import base64
import random
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from contracts.ids import made_at_seconds
from contracts.message import DeadLetter, Envelope, Message, decode
from contracts.topology import Durable
from outbox.cooperation import by_and_by, let_others_go_on
from outbox.database import is_transient
from outbox.deadlines import Deadlines
from outbox.logs import about
from outbox.metrics import BATCH_SECONDS, BATCH_SIZE, CONSUMED, CONSUMED_RESULTS
from outbox.tracing import consuming, record_failure
from outbox.transaction import Transaction, Transactions
from outbox.turns import OvertakenError, Turn, Turns

_LOG = structlog.get_logger()
# Deliveries that failed: one that was cut short (a killed process, a database that is away) is no fault of a message.
DELIVERY_LIMIT = 5
_FAILURES_KEPT = 10_000
BACK_OFF_SECONDS = (0.2, 1.0, 5.0, 15.0)
_CLOCK_SKEW = timedelta(days=1).total_seconds()
_TYPE = re.compile(rb'"type": ?"([a-z0-9_.]+)"')

Handler = Callable[[Transaction, Any], Awaitable[None]]
Prepare = Callable[[Sequence[Envelope[Any]]], Awaitable[Any]]


@dataclass(frozen=True)
class Delivery:
    """A delivered message and what it says."""

    message: Msg
    envelope: Envelope[Message]


class Consumer:
    """Feeds one durable's messages to one handler. A message is handled, or becomes a dead letter with its reason.

    The handler gets what `prepare` makes of a batch's envelopes: what needs nothing but the messages, and so need not
    wait for the batch before. Without one it gets the envelopes. `deadlines` are told of what is committed.
    """

    def __init__(
        self,
        durable: Durable,
        handle: Handler,
        transactions: Transactions,
        inbox_days: int,
        prepare: Prepare | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self.durable = durable
        self._handle = handle
        self._deadlines = deadlines
        self._prepare = prepare or _as_they_are
        self._transactions = transactions
        self._inbox_age = timedelta(days=inbox_days - 1).total_seconds()
        self._messages = {message.contract.type: message for message in durable.messages}
        self._failures: OrderedDict[UUID, int] = OrderedDict()
        self._turns = Turns()
        for result in CONSUMED_RESULTS:
            CONSUMED.labels(durable.name, result)

    async def process(self, messages: Sequence[Msg]) -> None:
        """Handle a batch to the end: every message is acknowledged, given back for later, or a dead letter.

        It may be called again while it runs: the batches then overlap, and take effect in the order of the calls.
        """
        try:
            await self._process(messages)
        except Exception:  # noqa: BLE001 - FastStream would swallow it without a word
            _LOG.exception("batch not finished, the broker will deliver again", durable=self.durable.name)

    async def _process(self, messages: Sequence[Msg]) -> None:
        started = time.perf_counter()
        turn = self._turns.next()
        done: list[Delivery] = []
        try:
            deliveries = [d async for m in by_and_by(messages) if (d := await self._decoded(m))]
            with consuming(self.durable, [d.envelope for d in deliveries]) as envelopes:
                traced = [Delivery(d.message, e) for d, e in zip(deliveries, envelopes, strict=True)]
                await self._attempt(traced, turn, done)
        finally:
            await turn.end()
            if self._deadlines:
                self._deadlines.left(messages)
            await let_others_go_on()  # above all the next batch
            async for delivery in by_and_by(done):
                await delivery.message.ack()
        BATCH_SIZE.labels(self.durable.name).observe(len(messages))
        BATCH_SECONDS.labels(self.durable.name).observe(time.perf_counter() - started)

    async def _decoded(self, message: Msg) -> Delivery | None:
        try:
            envelope = self._decode(message.data)
        except ValueError as error:
            await self._bury(message, f"not a message of this consumer: {_summary(error)}")
            return None
        return Delivery(message, envelope)

    def _decode(self, payload: bytes) -> Envelope[Message]:
        """Parse and check an envelope. Raises ValueError (pydantic's ValidationError is one)."""
        envelope = self._guessed(payload) or decode(payload, self._messages[self._type_of(payload)])
        if not -_CLOCK_SKEW < time.time() - made_at_seconds(envelope.id) < self._inbox_age:
            raise ValueError("its id is too old, or too new, for the inbox to tell whether it was seen before")
        return envelope

    def _guessed(self, payload: bytes) -> Envelope[Message] | None:
        """Parse an envelope as what its first `type` says, which spares parsing it twice; None when that is wrong."""
        first = _TYPE.search(payload)
        message = self._messages.get(first[1].decode()) if first else None
        if message is None:
            return None
        try:
            envelope = decode(payload, message)
        except ValidationError:
            return None
        return envelope if envelope.type == message.contract.type else None

    def _type_of(self, payload: bytes) -> str:
        event = orjson.loads(payload)
        kind = event.get("type") if isinstance(event, dict) else None
        if not isinstance(kind, str) or kind not in self._messages:
            raise ValueError(f"type {kind!r} is not one that it reads")
        return kind

    async def _attempt(self, deliveries: Sequence[Delivery], turn: Turn, done: list[Delivery]) -> None:
        """Commit a batch, or its halves; `done` gets what is to be acknowledged."""
        if len(deliveries) == 1:
            with about(deliveries[0].envelope):
                await self._try(deliveries, turn, done)
        elif deliveries:
            await self._try(deliveries, turn, done)

    async def _try(self, deliveries: Sequence[Delivery], turn: Turn, done: list[Delivery]) -> None:
        try:
            duplicates = await self._commit_when_possible(deliveries, turn)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is that message's fate, not the consumer's
            if is_transient(error):
                _LOG.error(
                    "gave up for now, the broker will deliver again",
                    durable=self.durable.name,
                    error=str(error),
                )
            elif len(deliveries) == 1:
                await self._give_back(deliveries[0], error)
            else:
                middle = len(deliveries) // 2
                await self._attempt(deliveries[:middle], turn, done)
                await self._attempt(deliveries[middle:], turn, done)
            return
        done += deliveries
        if self._failures:
            for delivery in deliveries:
                self._failures.pop(delivery.envelope.id, None)
        CONSUMED.labels(self.durable.name, "handled").inc(len(deliveries) - duplicates)
        CONSUMED.labels(self.durable.name, "duplicate").inc(duplicates)

    async def _commit_when_possible(self, deliveries: Sequence[Delivery], turn: Turn) -> int:
        """Commit the batch, waiting for a database that is away, until the broker would deliver it again."""
        deadline = time.monotonic() + self.durable.ack_wait.total_seconds()
        pause = 0.1
        while True:
            try:
                return await self._commit(deliveries, turn)
            except OvertakenError:
                await turn.alone()
            except Exception as error:
                await turn.alone()
                if not is_transient(error) or time.monotonic() + pause > deadline:
                    raise
                _LOG.warning("database is away", durable=self.durable.name, error=str(error) or type(error).__name__)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(pause * 2, 2.0)

    async def _commit(self, deliveries: Sequence[Delivery], turn: Turn) -> int:
        by_id = {d.envelope.id: d.envelope for d in deliveries}
        await turn.to_record()
        async with self._transactions.begin() as tx:
            new = await tx.take_new(self.durable.name, list(by_id))
            fresh = [envelope for identifier, envelope in by_id.items() if identifier in new]
            prepared = await self._prepare(fresh)
            await turn.to_act()
            tx.now = datetime.now(UTC)
            if fresh:
                await self._handle(tx, prepared)
        if self._deadlines:
            self._deadlines.committed([(d.message, d.envelope.id) for d in deliveries], tx.spoken)
        return len(deliveries) - len(fresh)

    async def _give_back(self, delivery: Delivery, error: Exception) -> None:
        failures = self._failures.pop(delivery.envelope.id, 0) + 1
        reason = f"{type(error).__name__}: {_summary(error)}"
        if failures >= DELIVERY_LIMIT:
            await self._bury(delivery.message, reason, delivery.envelope.traceparent)
            return
        record_failure(f"process {self.durable.name}", delivery.envelope.traceparent, type(error).__name__)
        self._failures[delivery.envelope.id] = failures
        if len(self._failures) > _FAILURES_KEPT:
            self._failures.popitem(last=False)
        _LOG.warning("will try again", durable=self.durable.name, failures=failures, reason=reason)
        CONSUMED.labels(self.durable.name, "retried").inc()
        await delivery.message.nak(delay=BACK_OFF_SECONDS[min(failures, len(BACK_OFF_SECONDS)) - 1])

    async def _bury(self, message: Msg, reason: str, traceparent: str | None = None) -> None:
        """Say the dead letter through the outbox, so that not even a wiped broker loses it; then end delivery."""
        metadata = message.metadata
        letter = DeadLetter(
            stream=metadata.stream,
            stream_sequence=metadata.sequence.stream,
            subject=message.subject,
            consumer=self.durable.name,
            deliveries=metadata.num_delivered,
            reason=reason,
            payload=base64.b64encode(message.data).decode(),
            headers=message.headers or {},
        )
        try:
            async with self._transactions.begin() as tx:
                tx.say(letter, None, subject=f"dlq.{self.durable.service}.{self.durable.name}")
        except Exception as error:  # noqa: BLE001 - its neighbours in the batch must not wait for it
            _LOG.error("no dead letter yet", durable=self.durable.name, error=_summary(error))
            await message.nak(delay=BACK_OFF_SECONDS[1 if is_transient(error) else -1])
            return
        _LOG.error("dead letter", durable=self.durable.name, sequence=letter.stream_sequence, reason=reason)
        CONSUMED.labels(self.durable.name, "dead").inc()
        record_failure(f"process {self.durable.name}", traceparent, "dead letter")
        await message.term()


async def _as_they_are(envelopes: Sequence[Envelope[Any]]) -> Sequence[Envelope[Any]]:
    return envelopes


def _summary(error: Exception) -> str:
    """Say what is wrong without repeating the message's own values, which may be personal."""
    if isinstance(error, ValidationError):
        places = (
            "/".join(map(str, e["loc"])) + ": " + e["msg"]
            for e in error.errors(include_url=False, include_input=False)[:5]
        )
        return "; ".join(places)
    return (str(error).splitlines() or [""])[0][:500]
