"""What a seed decides: time, fresh ids, and where a process dies."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from uuid import UUID

from outbox.database import Database
from outbox.transaction import Spoken, Transaction, Transactions

_STEP: ContextVar[str] = ContextVar("step")


@contextmanager
def step(name: str) -> Iterator[None]:
    """Name what a process is at while the block runs, and the tasks that it starts."""
    token = _STEP.set(name)
    try:
        yield
    finally:
        _STEP.reset(token)


class Killed(BaseException):
    """The process died here: what was not committed is gone. No exception, so that no handler catches it."""


def _today() -> datetime:
    """Return when a world begins. Within a day it is always the same: inboxes take only messages of these days."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


class Clock:
    """The time of all services. It only goes on when it is told to."""

    def __init__(self) -> None:
        self.now = _today()

    def advance(self, by: timedelta) -> None:
        self.now += by

    @property
    def seconds(self) -> float:
        """Seconds since 1970."""
        return self.now.timestamp()


class Ids:
    """UUIDv7 that a seed repeats: one each millisecond, whatever the clock says."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._milliseconds = int(_today().timestamp() * 1000)

    def __call__(self) -> UUID:
        self._milliseconds += 1
        tail = self._rng.getrandbits(74)
        return UUID(int=(self._milliseconds << 80) | (0x7 << 76) | (tail >> 62 << 64) | (0b10 << 62) | (tail % 2**62))


CRASH = 0.015
"""How often a process dies at a boundary of a step that it has passed a few times before."""
CRASH_AT_FIRST = 0.1
FIRST = 5
"""So many times it is likelier, so that rare steps have their crashes, too."""


class Chance:
    """One seed's luck. After `calm` there are no crashes and no losses any more.

    `passed` counts how often which boundary of which step was come to until then, `deaths` are those of them at which a
    process has died.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - it is to be repeated
        self.is_calm = False
        self.passed = Counter[str]()
        self.deaths = set[str]()

    def happens(self, probability: float) -> bool:
        """Tell whether trouble of this probability happens now."""
        return not self.is_calm and self.rng.random() < probability

    def may_die(self, boundary: str) -> None:
        """Raise Killed, now and then, at this boundary of the step at hand."""
        if self.is_calm:
            return
        where = f"{_STEP.get()}: {boundary}"
        self.passed[where] += 1
        if self.happens(CRASH_AT_FIRST if self.passed[where] <= FIRST else CRASH):
            self.deaths.add(where)
            raise Killed

    def calm(self) -> None:
        self.is_calm = True


class MortalTransactions(Transactions):
    """Transactions at the clock's time, after or in the middle of which the process may die."""

    def __init__(
        self, database: Database, service: str, hear: Callable[[str, Spoken], None], clock: Clock, chance: Chance
    ) -> None:
        async def heard(spoken: Spoken) -> None:
            hear(service, spoken)

        super().__init__(database, service, heard)
        self._clock, self._chance = clock, chance

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Lend a transaction, as always; then it may be over."""
        async with super().begin() as tx:
            tx.now = self._clock.now
            yield tx
            self._chance.may_die("before the commit")
        self._chance.may_die("after the commit")
