"""The relay: publishes the outbox past its cursor, in order, and says again what a stream forgot."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg
import nats.errors
import structlog
from nats.aio.client import Client

from contracts.message import SOURCE_PREFIX, Envelope, Message
from outbox.database import Database
from outbox.metrics import OUTBOX_LAG, PUBLISH_FAILURES, PUBLISHED, RELAY_LEADER, REWINDS
from outbox.publisher import PublishError, Said, StreamState, publish, stored_message, stream_state

_LOG = structlog.get_logger()
_LEADER = 7003
POLL_SECONDS = 1.0
SAVE_SECONDS = 0.25
CHECK_SECONDS = 2.0
BATCH = 500
_LOOK_BACK = 1000
_EXPECTED = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    nats.errors.Error,
    PublishError,
    asyncio.TimeoutError,
)

_UNSAID = """
SELECT position, event_id, subject, envelope::text AS envelope FROM outbox
WHERE stream = $1 AND position > $2 ORDER BY position LIMIT $3
"""
_CURSOR = "SELECT position, incarnation, sequence FROM relay_cursor WHERE stream = $1"
_MOVE = """
INSERT INTO relay_cursor (stream, position, incarnation, sequence) VALUES ($1, $2, $3, $4)
ON CONFLICT (stream) DO UPDATE
SET position = excluded.position, incarnation = excluded.incarnation, sequence = excluded.sequence
"""
_LAG = "SELECT count(*) FROM (SELECT FROM outbox WHERE stream = $1 AND position > $2 LIMIT 100000) AS unsaid"
_IS_AT = "SELECT event_id FROM outbox WHERE stream = $1 AND position = $2"


@dataclass(frozen=True)
class Cursor:
    """How far a stream has been told, and where in which incarnation of it the last message stands."""

    position: int
    incarnation: datetime
    sequence: int


class StreamRelay:
    """Publishes one stream's part of the outbox. All streams of a service share the leader's connection."""

    def __init__(
        self,
        service: str,
        stream: str,
        nc: Client,
        connection: "asyncpg.Connection[asyncpg.Record]",
        turn: asyncio.Lock,
    ) -> None:
        self.wake = asyncio.Event()
        self.reconnected = True
        self._service, self._stream, self._nc = service, stream, nc
        self._connection, self._turn = connection, turn
        self._cursor: Cursor | None = None
        self._saved: Cursor | None = None
        self._saved_at = self._checked_at = 0.0

    async def run(self) -> None:
        """Publish until cancelled; trouble is logged, counted and tried again after a growing pause."""
        try:
            await self._run()
        finally:
            with suppress(*_EXPECTED):
                await self._save()

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._publish_all()
                failures = 0
            except _EXPECTED as error:
                failures += 1
                PUBLISH_FAILURES.labels(self._stream).inc()
                _LOG.warning("relay waits", stream=self._stream, error=str(error) or type(error).__name__)
                if self._connection.is_closed():
                    raise
                self.reconnected = True
                await asyncio.sleep(min(0.1 * 2**failures, 2.0))
            else:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.wake.wait(), SAVE_SECONDS if self._is_unsaved else POLL_SECONDS)
            self.wake.clear()

    async def _publish_all(self) -> None:
        """Publish what is committed; a batch that was not full was all of it, and `wake` tells what came since."""
        full = True
        while full:
            cursor = await self._checked_cursor()
            if cursor is None:
                raise PublishError(f"stream {self._stream} does not exist (yet)")
            async with self._turn:
                rows = await self._connection.fetch(_UNSAID, self._stream, cursor.position, BATCH)
            if rows:
                batch = [Said(*row) for row in rows]
                sequence = await publish(self._nc, self._stream, batch)
                PUBLISHED.labels(self._stream).inc(len(batch))
                self._cursor = replace(cursor, position=batch[-1].position, sequence=sequence)
            full = len(rows) == BATCH
            await self._save_in_time()

    @property
    def _is_unsaved(self) -> bool:
        return self._cursor != self._saved

    async def _save_in_time(self) -> None:
        """Save the cursor now and then: one that is behind only makes the next leader repeat itself."""
        if self._is_unsaved and asyncio.get_running_loop().time() >= self._saved_at + SAVE_SECONDS:
            await self._save()

    async def _save(self) -> None:
        if (cursor := self._cursor) is not None:
            async with self._turn:
                await self._connection.execute(
                    _MOVE, self._stream, cursor.position, cursor.incarnation, cursor.sequence
                )
            self._saved, self._saved_at = cursor, asyncio.get_running_loop().time()

    async def _checked_cursor(self) -> Cursor | None:
        """Return the cursor, compared with the stream at each reconnect and every few seconds."""
        now = asyncio.get_running_loop().time()
        if self._cursor is not None and not self.reconnected and now < self._checked_at + CHECK_SECONDS:
            return self._cursor
        thorough, self.reconnected = self.reconnected, False
        state = await stream_state(self._nc, self._stream)
        if state is None:
            return None
        cursor = self._cursor or await self._load(state)
        held = await self._held_position(cursor, state, thorough=thorough)
        if held < cursor.position:
            REWINDS.labels(self._stream).inc()
            _LOG.warning("stream forgot, saying it again", stream=self._stream, position=cursor.position, held=held)
        if held < cursor.position or cursor.incarnation != state.created:
            self._cursor = Cursor(held, state.created, state.last_sequence)
            await self._save()
        else:
            self._cursor = cursor
        self._checked_at = now
        await self._report_lag()
        return self._cursor

    async def _load(self, state: StreamState) -> Cursor:
        async with self._turn:
            row = await self._connection.fetchrow(_CURSOR, self._stream)
        return Cursor(*row) if row else Cursor(0, state.created, state.last_sequence)

    async def _report_lag(self) -> None:
        if self._cursor is not None:
            async with self._turn:
                OUTBOX_LAG.labels(self._stream).set(
                    await self._connection.fetchval(_LAG, self._stream, self._cursor.position)
                )

    async def _held_position(self, cursor: Cursor, state: StreamState, *, thorough: bool) -> int:
        """Return the last outbox position that the stream still holds: the cursor's own, unless it forgot."""
        if state.created != cursor.incarnation:
            return 0
        if cursor.position == 0 or cursor.sequence < state.first_sequence:
            return cursor.position
        if cursor.sequence > state.last_sequence:
            return await self._search_back(state)
        if thorough and not await self._is_mine(cursor):
            return await self._search_back(state)
        return cursor.position

    async def _is_mine(self, cursor: Cursor) -> bool:
        """Tell whether the message at the remembered sequence is the one that was said there.

        Other senders may have made a shortened stream grow past that sequence again.
        """
        message = await stored_message(self._nc, self._stream, cursor.sequence)
        async with self._turn:
            event_id = await self._connection.fetchval(_IS_AT, self._stream, cursor.position)
        if message is None or event_id is None:  # dropped by a limit of the stream, or by our own retention
            return True
        return (message.headers or {}).get("Nats-Msg-Id") == str(event_id)

    async def _search_back(self, state: StreamState) -> int:
        """Find our newest message in the stream; what it says of its position, the stream holds."""
        oldest = max(state.first_sequence, state.last_sequence - _LOOK_BACK)
        for sequence in range(state.last_sequence, oldest - 1, -1):
            message = await stored_message(self._nc, self._stream, sequence) if sequence else None
            if message is not None:
                envelope = Envelope[Message].model_validate_json(message.data)
                if envelope.source == SOURCE_PREFIX + self._service and envelope.sequence:
                    return int(envelope.sequence)
        return 0


class Relay:
    """One task of each service; of several replicas the one that holds the advisory lock publishes."""

    def __init__(self, service: str, streams: Iterable[str], database: Database) -> None:
        self._service, self._streams, self._database = service, tuple(streams), database
        self._relays: dict[str, StreamRelay] = {}

    def wake(self, streams: Iterable[str]) -> None:
        """Tell the relay that rows for these streams have been committed."""
        for stream in streams:
            if relay := self._relays.get(stream):
                relay.wake.set()

    async def on_reconnect(self) -> None:
        """Compare every stream with its cursor before anything else is published."""
        for relay in self._relays.values():
            relay.reconnected = True
            relay.wake.set()

    async def run(self, nc: Client) -> None:
        """Stand by for leadership, publish while holding it; survives the loss of Postgres and of NATS."""
        while True:
            try:
                await self._lead(nc)
            except* _EXPECTED as group:
                _LOG.warning("relay lost its connection", error=str(group.exceptions[0]))
            await asyncio.sleep(POLL_SECONDS / 2)

    async def _lead(self, nc: Client) -> None:
        # A lost cursor move only makes the relay repeat itself, so its commits need not wait for the disk.
        connection = await self._database.connect(synchronous_commit="off")
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LEADER):  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
            RELAY_LEADER.set(1)
            turn = asyncio.Lock()
            self._relays = {s: StreamRelay(self._service, s, nc, connection, turn) for s in self._streams}
            async with asyncio.TaskGroup() as tasks:
                for relay in self._relays.values():
                    tasks.create_task(relay.run())
        finally:
            RELAY_LEADER.set(0)
            self._relays = {}
            connection.terminate()
