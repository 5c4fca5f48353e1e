"""Lets batches of one consumer overlap: the next is decoded and recorded while the one before is being written.

Effects and commits stay in the order in which the batches came. Only what nobody else waits for goes ahead: a batch
records its messages in its own transaction, and then waits for its turn. When the one before it fails, it rolls back
and waits: the messages that are about to be tried again may be among its own.
"""

from asyncio import Event


class OvertakenError(Exception):
    """The batch before has failed and is being tried again: roll back, and wait for your turn with nothing in hand."""


class Turn:
    """One batch's place behind the batch before it.

    `is_recorded` is set once its messages are in the inbox, `is_settled` once it has committed or is in trouble,
    `has_ended` when the next batch may do what it likes.
    """

    def __init__(self, before: "Turn | None") -> None:
        self._before = before
        self.is_recorded, self.is_settled, self.has_ended = Event(), Event(), Event()

    async def to_record(self) -> None:
        """Wait until the batch before has recorded its messages, so that two never wait for each other's rows."""
        if self._before is not None:
            await self._before.is_recorded.wait()

    async def to_act(self) -> None:
        """Let the next batch record, and wait for the turn. Raises OvertakenError if the batch before is in trouble."""
        self.is_recorded.set()
        if (before := self._before) is not None:
            await before.is_settled.wait()
            if not before.has_ended.is_set():
                raise OvertakenError

    async def alone(self) -> None:
        """Wait for the turn with nothing in hand, and make the next batch do the same: this one is in trouble."""
        self.is_recorded.set()
        self.is_settled.set()
        if self._before is not None:
            await self._before.has_ended.wait()

    async def end(self) -> None:
        """Give the turn to the next batch, for good: not before one's own, also when there was nothing to do."""
        try:
            if self._before is not None:
                await self._before.has_ended.wait()
        finally:
            for event in (self.has_ended, self.is_settled, self.is_recorded):
                event.set()
            self._before = None


class Turns:
    """The line of one consumer's batches."""

    def __init__(self) -> None:
        self._last: Turn | None = None

    def next(self) -> Turn:
        """Return the place of a batch that came just now."""
        self._last = Turn(self._last)
        return self._last
