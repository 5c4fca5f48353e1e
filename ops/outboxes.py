"""How far each service's outbox is published, and saying a part of it again."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import asyncpg
from pydantic import BaseModel

from contracts.topology import SERVICES, Stream, streams_said_by
from ops.read_only import read_only
from ops.stack.errors import StackError
from outbox.database import ACQUIRE_SECONDS, SERVER_SETTINGS, STATEMENT_SECONDS, Reads

COUNTED = 100_000
"""Rows are counted up to so many."""
_LOOK_SECONDS = 0.1
_STATUS = """
SELECT s.stream, c.position,
       (SELECT o.recorded_at FROM outbox o WHERE o.stream = s.stream AND o.position <= c.position
        ORDER BY o.position DESC LIMIT 1) AS said_until,
       (SELECT o.position FROM outbox o WHERE o.stream = s.stream ORDER BY o.position LIMIT 1) AS first,
       (SELECT o.position FROM outbox o WHERE o.stream = s.stream ORDER BY o.position DESC LIMIT 1) AS last,
       (SELECT o.recorded_at FROM outbox o WHERE o.stream = s.stream AND o.position > coalesce(c.position, 0)
        ORDER BY o.position LIMIT 1) AS unsaid_since,
       (SELECT count(*) FROM (SELECT FROM outbox o WHERE o.stream = s.stream AND o.position > coalesce(c.position, 0)
        LIMIT $2) AS unsaid) AS lag
FROM unnest($1::text[]) AS s (stream) LEFT JOIN relay_cursor c USING (stream)
"""
_COUNT = """
SELECT count(*) FROM (
    SELECT FROM outbox WHERE stream = $1 AND position > $2 AND position <= $3 LIMIT $4
) AS again
"""
_BEFORE = "SELECT position FROM outbox WHERE stream = $1 AND recorded_at < $2 ORDER BY position DESC LIMIT 1"
_RECORDED = "SELECT recorded_at FROM outbox WHERE stream = $1 AND position <= $2 ORDER BY position DESC LIMIT 1"
_CURSOR = "SELECT position, sequence FROM relay_cursor WHERE stream = $1"
# Sequence 0: nothing is known to stand there, so that the relay finds nothing missing before it.
_REWIND = """
WITH before AS (SELECT position FROM relay_cursor WHERE stream = $1 FOR UPDATE)
UPDATE relay_cursor AS c SET position = $2, sequence = 0 FROM before WHERE c.stream = $1 AND before.position > $2
RETURNING before.position
"""


class OutboxReport(BaseModel):
    """One stream's part of a service's outbox, as positions in it.

    All up to `position` is published, the last of it recorded at `said_until`; None when nothing ever was. `first` and
    `last` are what the outbox holds; `lag` counts what waits to be published, since `unsaid_since`.
    """

    service: str
    stream: str
    position: int | None
    said_until: datetime | None
    first: int | None
    last: int | None
    lag: int
    unsaid_since: datetime | None


class Rewind(BaseModel):
    """What a rewind means, or has done: the messages after `position`, up to `until`, are said again.

    `messages` counts them, up to COUNTED, the newest of `newest_at`; `done` tells that the relay has said them all.
    """

    service: str
    stream: str
    position: int
    until: int
    messages: int
    newest_at: datetime | None
    done: bool = False

    @property
    def is_too_early(self) -> bool:
        """Whether the stream still knows some of them by their ids, and would drop those."""
        known_since = datetime.now(UTC) - Stream.duplicate_window
        return self.newest_at is not None and self.newest_at > known_since


async def read_outboxes(databases: Mapping[str, str]) -> list[OutboxReport]:
    """Return how far each service has said what it has to say. Raises OSError or asyncpg.PostgresError."""
    return [report for service, url in databases.items() for report in await _reports(service, url)]


async def _reports(service: str, url: str) -> list[OutboxReport]:
    async with read_only(url) as connection:
        rows = await Reads(connection).fetch(_STATUS, list(streams_said_by(service)), COUNTED)
    return [OutboxReport(service=service, **row) for row in rows]


async def plan_rewind(
    url: str, service: str, stream: str, *, position: int | None = None, since: datetime | None = None
) -> Rewind:
    """Return what would be said again: what follows a position, or was recorded at `since` or later, or else all.

    Raises StackError when there is nothing, or no such part of an outbox.
    """
    checked(service, stream)
    async with read_only(url) as connection:
        reads = Reads(connection)
        cursor = await reads.fetchrow(_CURSOR, stream)
        if since is not None:
            position = await reads.fetchval(_BEFORE, stream, since)
        target = position or 0
        if cursor is None or cursor["position"] <= target:
            raise StackError(
                f"{service} has published nothing of {stream} past position {target}: nothing to say again"
            )
        until = cursor["position"]
        messages = await reads.fetchval(_COUNT, stream, target, until, COUNTED)
        newest = await reads.fetchval(_RECORDED, stream, until)
    return Rewind(service=service, stream=stream, position=target, until=until, messages=messages, newest_at=newest)


async def rewind(url: str, plan: Rewind, wait_seconds: float) -> Rewind:
    """Move the cursor back, and wait until the service's relay has said it all again.

    The relay finds its cursor moved within seconds; one that is away, when it starts. Consumers drop what they have
    handled, so nothing has a second effect.
    """
    connection = await asyncpg.connect(
        url, timeout=ACQUIRE_SECONDS, command_timeout=STATEMENT_SECONDS, server_settings=SERVER_SETTINGS
    )
    try:
        until = await connection.fetchval(_REWIND, plan.stream, plan.position)
        if until is None:
            raise StackError(f"somebody has moved the cursor of {plan.stream} before {plan.position} already")
        done = await _reached(connection, plan.stream, until, wait_seconds)
    finally:
        await connection.close()
    return plan.model_copy(update={"until": until, "done": done})


async def _reached(
    connection: "asyncpg.Connection[asyncpg.Record]", stream: str, until: int, wait_seconds: float
) -> bool:
    """Wait until the relay has published all up to a position; tell whether it has in time."""
    deadline = time.monotonic() + wait_seconds
    while True:
        cursor = await connection.fetchrow(_CURSOR, stream)
        if cursor and cursor["sequence"] > 0 and cursor["position"] >= until:
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_LOOK_SECONDS)


def checked(service: str, stream: str) -> None:
    """Raise StackError unless the service says something in the stream."""
    if service not in SERVICES:
        raise StackError(f"there is no service {service}; there are {', '.join(SERVICES)}")
    if stream not in streams_said_by(service):
        raise StackError(f"{service} says nothing in {stream}; it does in {', '.join(streams_said_by(service))}")
