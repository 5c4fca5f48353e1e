"""How many event streams are open: a bounded number in all, and of each user."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from gateway.metrics import STREAMS_OPEN
from gateway.problems import ProblemError
from gateway.request_context import Caller


class OpenStreams:
    """Places for streams. A stream keeps its place until it has ended or its client is gone."""

    def __init__(self, most: int, most_of_a_user: int) -> None:
        self._most, self._most_of_a_user = most, most_of_a_user
        self._of: Counter[UUID] = Counter()
        self._closing = False

    @property
    def are_closing(self) -> bool:
        """Whether the process is about to stop, so that no stream should go on."""
        return self._closing

    @contextmanager
    def place(self, user: UUID) -> Iterator[None]:
        """Take a place for as long as the context lasts. Raises ProblemError `overloaded` or `too_many_streams`."""
        if self._closing or self._of.total() >= self._most:
            raise ProblemError("overloaded", "Too many event streams are open; open this one again in a moment.")
        if self._of[user] >= self._most_of_a_user:
            raise ProblemError("too_many_streams", too_many(self._most_of_a_user))
        self._of[user] += 1
        STREAMS_OPEN.inc()
        try:
            yield
        finally:
            STREAMS_OPEN.dec()
            self._of[user] -= 1
            if not self._of[user]:
                del self._of[user]

    def close(self) -> None:
        """Take no more streams, and have those that are open end: their clients come back with Last-Event-ID."""
        self._closing = True


def too_many(most: int) -> str:
    """Return what a user is told who has as many streams open as one may have."""
    return f"You have {most} event streams open; close one that you do not need."


def seconds_of(caller: Caller, most: float) -> float:
    """Return how long a stream may last: at most so long, and not longer than who asks for it may read."""
    return max(0.0, min(most, caller.expires_at - time.time()))


BUSY = {
    "too_many_streams": too_many(8),
    "overloaded": "Too many event streams are open; open this one again in a moment.",
}
"""What may keep a stream from being opened, for the OpenAPI document."""
