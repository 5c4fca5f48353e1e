"""Answers in time: what was not answered soon after it was stored gets a stand-in, straight to the broker.

This must hold where nothing else does, above all while PostgreSQL hangs. So it begins when the broker stores a message,
waits for no batch and no transaction, and ends only when the answer has been handed to the broker: an answer that is
committed and that the relay could not publish yet is published from here as it stands in the outbox, under its own id,
so that the relay's repetition is dropped as a duplicate.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
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
MARGIN = 0.3
"""The share of the time that is left for handing the stand-in to the broker."""
SECONDS_EACH = 0.0001
"""How much earlier stand-ins begin for each message that waits: what making, sending and storing one takes."""
_QUICKEST_SECONDS = 60.0
AT_A_TIME = 250
"""Stand-ins that go out together: the first of a crowd do not wait until the last is made."""
MOST_IN_BATCH = 250
"""Messages with a deadline that one transaction handles: while a batch is encoded, no stand-in is made."""


class StandIn(NamedTuple):
    """What is said instead of an answer: an envelope, its id, and where it goes."""

    event_id: UUID
    subject: str
    payload: bytes


Answered = tuple[str, Spoken]
"""A message's id, and what was committed with its answer."""


@dataclass(frozen=True)
class AnswerBy:
    """Within so many `seconds` of when it was stored a message is answered, or `instead` says what goes out for it.

    `instead` sees what the message carries and must not wait for anything. None: nobody can read it, nothing is said.
    """

    seconds: float
    instead: Callable[[bytes], StandIn | None]


class Travel:
    """How long messages were on their way from the broker's store.

    Its clock is not ours: the quickest message of the last minutes counts as one that took no time.
    """

    def __init__(self) -> None:
        self._quickest = self._quickest_before = math.inf
        self._since = -math.inf

    def seconds(self, stored: float, now: float) -> float:
        """Return for how long one was under way that was stored at `stored`, by the broker's clock (Unix time).

        `now` is the event loop's time.
        """
        if now - self._since > _QUICKEST_SECONDS:
            self._quickest, self._quickest_before, self._since = math.inf, self._quickest, now
        took = now - stored
        self._quickest = min(self._quickest, took)
        return took - min(self._quickest, self._quickest_before)


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
        self._arrived: list[tuple[float, str, Msg]] = []
        self._travel = Travel()
        self._running: dict[str, Answered | None] = {}
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
        """Begin a message's time: it has been running since the broker stored the message."""
        self._running[message.reply] = None
        now = asyncio.get_running_loop().time()
        since = now - self._travel.seconds(message.metadata.timestamp.timestamp(), now)
        heappush(self._arrived, (since, message.reply, message))
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
        """How long after it was stored the oldest message's time is up: the sooner, the more wait."""
        return max(0.0, self._answer_by.seconds * (1 - MARGIN) - len(self._arrived) * SECONDS_EACH)

    def _wait(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(self._arrived[0][0] + self._begin_after, self._look)

    def _look(self) -> None:
        """Let stand-ins answer the messages whose time is up and about which nothing is committed, some at a time."""
        self._timer = None
        loop, begin_after = asyncio.get_running_loop(), self._begin_after
        overdue: list[tuple[float, Publishable | None]] = []
        committed: list[tuple[float, Answered]] = []
        while self._arrived and self._arrived[0][0] + begin_after <= loop.time() and len(overdue) < AT_A_TIME:
            since, _, message = heappop(self._arrived)
            if answered := self._running.pop(message.reply):
                committed.append((since, answered))
            else:
                overdue.append((since, self._stand_in(message)))
        if self._arrived:
            self._wait()
        if self._overdue and self._wake:
            self._wake()
        self._hand_over(overdue)
        if committed:
            # The relay is about to publish it: whoever does so beside it keeps the broker busy with duplicates.
            loop.call_later(self._answer_by.seconds * MARGIN / 2, self._look_at_committed, committed)

    def _look_at_committed(self, committed: Sequence[tuple[float, Answered]]) -> None:
        """Publish what was committed and is not published yet, in the last moment."""
        self._hand_over([(since, self._unpublished(answered)) for since, answered in committed])

    def _hand_over(self, answers: Iterable[tuple[float, Publishable | None]]) -> None:
        """Begin to publish answers, each with the time since which its message waits; None: nothing is to be said."""
        late: list[tuple[float, Publishable]] = []
        for since, answer in answers:
            if answer is None:
                self._note([since], asyncio.get_running_loop().time())
            else:
                late.append((since, answer))
        if late:
            task = asyncio.create_task(self._publish(late))
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)

    def _note(self, begun: Iterable[float], answered: float) -> None:
        """Count messages, by when their time began, whose answers were in the broker's hands by now."""
        for since in begun:
            in_time = answered - since <= self._answer_by.seconds
            ANSWERED_BY.labels(self._durable, _when(in_time=in_time)).inc()

    def _stand_in(self, message: Msg) -> StandIn | None:
        stand_in = self._answer_by.instead(message.data)
        if stand_in is not None:
            self._overdue.add(message.reply)
            LATE_ANSWERS.labels(self._durable, "stand-in").inc()
        return stand_in

    def _unpublished(self, answered: Answered) -> Publishable | None:
        identifier, spoken = answered
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
        for since, each in late:
            by_stream.setdefault(stream_of(each.subject), []).append((since, each))
        for stream, batch in by_stream.items():
            try:
                await publish(await self._connect(), stream, [each for _, each in batch])
                self._note([since for since, _ in batch], asyncio.get_running_loop().time())
            except _TROUBLE as error:
                told = str(error) or type(error).__name__
                _LOG.warning("late answers not handed over", durable=self._durable, answers=len(batch), error=told)


def _when(*, in_time: bool) -> str:
    return "in time" if in_time else "late"
