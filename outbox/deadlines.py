"""Answers in time: what was not answered soon after it arrived gets a stand-in for its answer, straight to the broker.

This must hold where nothing else does, above all while PostgreSQL hangs. So it begins when a message arrives in the
process, waits for no batch and no transaction, and ends only when the answer has been handed to the broker: an answer
that is committed and that the relay could not publish yet is published from here as it stands in the outbox, under its
own id, so that the relay's repetition is dropped as a duplicate.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.topology import stream_of
from outbox.metrics import ANSWERED_BY, LATE_ANSWERS
from outbox.publisher import Publishable, PublishError, Said, publish
from outbox.transaction import Spoken

_LOG = structlog.get_logger()
_TROUBLE = (OSError, nats.errors.Error, PublishError, TimeoutError)
MARGIN = 0.2
"""The share of the time that is left for handing the stand-in to the broker."""
SECONDS_EACH = 0.00004
"""How much earlier stand-ins begin for each message that waits: what making and sending one takes."""
MOST_EARLIER = 0.6
"""The share of the time by which a crowd makes them begin earlier, at most."""
AT_A_TIME = 100
"""Stand-ins that go out together: the first of a crowd do not wait until the last is made."""
MOST_IN_BATCH = 250
"""Messages with a deadline that one transaction handles: while a batch is encoded, no stand-in is made."""


class StandIn(NamedTuple):
    """What is said instead of an answer: an envelope, its id, and where it goes."""

    event_id: UUID
    subject: str
    payload: bytes


@dataclass(frozen=True)
class AnswerBy:
    """Within so many `seconds` of its arrival a message is answered, or `instead` says what goes out in its place.

    `instead` sees what the message carries and must not wait for anything. None: nobody can read it, nothing is said.
    """

    seconds: float
    instead: Callable[[bytes], StandIn | None]


class Deadlines:
    """The deadlines of one durable's messages.

    `connect` lends the broker's connection; `has_said` tells whether the relay has published a row.
    """

    def __init__(
        self,
        durable: str,
        answer_by: AnswerBy,
        connect: Callable[[], Awaitable[Client]],
        has_said: Callable[[str, Said], bool],
    ) -> None:
        self._durable, self._answer_by = durable, answer_by
        self._connect, self._has_said = connect, has_said
        self._arrived: deque[tuple[float, Msg]] = deque()
        self._running: dict[str, tuple[str, Spoken] | None] = {}
        self._overdue: set[str] = set()
        self._wake: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._publishing: set[asyncio.Task[None]] = set()
        for in_time in (True, False):
            ANSWERED_BY.labels(durable, _when(in_time=in_time))
        for answer in ("stand-in", "committed"):
            LATE_ANSWERS.labels(durable, answer)

    @property
    def overdue(self) -> int:
        """How many messages got a stand-in and are still to be handled: so many more may wait in this process."""
        return len(self._overdue)

    def when_overdue(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever there are more overdue messages."""
        self._wake = wake

    def arrived(self, message: Msg) -> None:
        """Begin a message's time."""
        self._running[message.reply] = None
        self._arrived.append((asyncio.get_running_loop().time(), message))
        if self._timer is None or len(self._arrived) % AT_A_TIME == 0:
            self._wait()

    def committed(self, messages: Iterable[tuple[Msg, UUID]], spoken: Spoken) -> None:
        """Note that messages, each with its envelope's id, were handled, and what was said of them."""
        for message, identifier in messages:
            if message.reply in self._running:
                self._running[message.reply] = str(identifier), spoken

    def left(self, messages: Iterable[Msg]) -> None:
        """Note that messages are no longer in this process's hands; one that failed comes back as another delivery."""
        self._overdue.difference_update([message.reply for message in messages])

    @property
    def _begin_after(self) -> float:
        """How long after its arrival the oldest message's time is up: the sooner, the more wait."""
        seconds = self._answer_by.seconds
        earlier = min(len(self._arrived) * SECONDS_EACH, seconds * MOST_EARLIER)
        return seconds * (1 - MARGIN) - earlier

    def _wait(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(self._arrived[0][0] + self._begin_after, self._look)

    def _look(self) -> None:
        """Publish what has not been said of the messages whose time is up, some at a time."""
        self._timer = None
        now, begin_after = asyncio.get_running_loop().time(), self._begin_after
        late: list[tuple[float, Publishable]] = []
        while self._arrived and self._arrived[0][0] + begin_after <= now and len(late) < AT_A_TIME:
            arrived_at, message = self._arrived.popleft()
            if unsaid := self._unsaid(message):
                late.append((arrived_at, unsaid))
            else:
                self._note([arrived_at], now)
        if self._arrived:
            self._wait()
        if self._overdue and self._wake:
            self._wake()
        if late:
            task = asyncio.create_task(self._publish(late))
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)

    def _note(self, arrived: Iterable[float], answered: float) -> None:
        """Count messages whose answers were in the broker's hands by now."""
        for arrived_at in arrived:
            in_time = answered - arrived_at <= self._answer_by.seconds
            ANSWERED_BY.labels(self._durable, _when(in_time=in_time)).inc()

    def _unsaid(self, message: Msg) -> Publishable | None:
        """Return what is to be published for a message whose time is up; None where it was answered."""
        if answered := self._running.pop(message.reply):
            return self._unpublished(*answered)
        stand_in = self._answer_by.instead(message.data)
        if stand_in is not None:
            self._overdue.add(message.reply)
            LATE_ANSWERS.labels(self._durable, "stand-in").inc()
        return stand_in

    def _unpublished(self, identifier: str, spoken: Spoken) -> Publishable | None:
        if not spoken.said or self._has_said(*spoken.said[-1]):
            return None
        cause = f'"causationid":"{identifier}"'
        rows = (row for stream, row in spoken.said if cause in row.envelope and not self._has_said(stream, row))
        row = next(rows, None)
        if row is not None:
            LATE_ANSWERS.labels(self._durable, "committed").inc()
        return row

    async def _publish(self, late: Sequence[tuple[float, Publishable]]) -> None:
        """Hand over what is late. What the broker does not take is lost: the answer itself follows from the outbox."""
        by_stream: dict[str, list[tuple[float, Publishable]]] = {}
        for arrived_at, each in late:
            by_stream.setdefault(stream_of(each.subject), []).append((arrived_at, each))
        for stream, batch in by_stream.items():
            try:
                await publish(await self._connect(), stream, [each for _, each in batch])
                self._note([arrived_at for arrived_at, _ in batch], asyncio.get_running_loop().time())
            except _TROUBLE as error:
                told = str(error) or type(error).__name__
                _LOG.warning("late answers not handed over", durable=self._durable, answers=len(batch), error=told)


def _when(*, in_time: bool) -> str:
    return "in time" if in_time else "late"
