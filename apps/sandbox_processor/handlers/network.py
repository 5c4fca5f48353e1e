"""What every handler works with, and how a decision is saved."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import orjson

from apps.sandbox_processor.domain.answering import Delays
from apps.sandbox_processor.domain.operation import Notice, Step
from apps.sandbox_processor.domain.views import event_view
from apps.sandbox_processor.store import changes, deliveries, disputes, operations
from apps.sandbox_processor.store.database import transaction


@dataclass(frozen=True, slots=True)
class Network:
    """The company: its memory, its seed, its accounts' URLs, its slowness; `wake` tells its workers of new work."""

    database: sqlite3.Connection
    seed: int
    base_url: Callable[[str], str]
    delays: Delays
    wake: Callable[[], None]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit at the end; roll back on any error."""
        with transaction(self.database):
            yield self.database

    def save(self, step: Step, now: float, answered_after: float = 0.0) -> None:
        """Save a whole step in the running transaction; what is to happen later counts from the answer on."""
        operations.save(self.database, step.operations)
        disputes.save(self.database, step.disputes)
        changes.save(self.database, step.later, now + answered_after)
        deliveries.save(self.database, [self._delivery(n, now, answered_after) for n in step.notices])
        if step.notices or step.later:
            self.wake()  # they run in this thread, so not before the transaction has ended

    def _delivery(self, notice: Notice, now: float, answered_after: float) -> tuple[str, str, str, bytes, float]:
        account = notice.subject.account
        event = event_view(notice, self.base_url(account), self.seed, now)
        return account, notice.subject.id, event["id"], orjson.dumps(event), now + answered_after + notice.after
