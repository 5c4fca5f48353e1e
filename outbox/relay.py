"""The relay: publishes the outbox past its cursor, in order, and says again what a stream forgot."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.topology import wakes_relay
from outbox.database import Database
from outbox.forgetting import Cursor, held_position
from outbox.metrics import OUTBOX_LAG, OUTBOX_LAG_SECONDS, PUBLISH_FAILURES, PUBLISHED, RELAY_LEADER, REWINDS
from outbox.publisher import PublishError, Said, StreamState, publish, stream_state
from outbox.tracing import published

_LOG = structlog.get_logger()
_LEADER = 7003
POLL_SECONDS = 1.0
SAVE_SECONDS = 0.25
CHECK_SECONDS = 2.0
_FINISH_POLL_SECONDS = 0.01
BATCH = 500
OFFERED = 8 * BATCH
_EXPECTED = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    nats.errors.Error,
    PublishError,
    TimeoutError,
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
WHERE relay_cursor.position = $5 AND relay_cursor.sequence = $6
RETURNING stream
"""
_LAG = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0)::float8 FROM (
    SELECT recorded_at FROM outbox
    WHERE stream = $1 AND position > coalesce($2::bigint, (SELECT position FROM relay_cursor WHERE stream = $1), 0)
    ORDER BY position LIMIT 100000
) AS unsaid
"""
_EVENT_AT = "SELECT event_id FROM outbox WHERE stream = $1 AND position = $2"


_NOWHERE = Cursor(-1, datetime.min.replace(tzinfo=UTC), -1)


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
        self._service, self._stream, self._nc = service, stream, nc
        self._connection, self._turn = connection, turn
        self._wake = asyncio.Event()
        self._offered: list[Said] = []
        self._reads_table = self._compares = True
        self._rests = False
        self._cursor: Cursor | None = None
        self._saved: Cursor | None = None
        self._saved_at = self._checked_at = 0.0
        for counter in (PUBLISHED, PUBLISH_FAILURES, REWINDS):
            counter.labels(stream)

    def offer(self, said: Said) -> None:
        """Take a row that was just committed and follows all that were offered or read before."""
        if len(self._offered) < OFFERED:
            self._offered.append(said)
            self._wake.set()
        else:
            self.read_table()

    def read_table(self) -> None:
        """Read the outbox itself next: what was offered is not known to be all."""
        self._reads_table = True
        self._wake.set()

    def compare(self) -> None:
        """Compare the cursor with the stream before anything else is published."""
        self._compares = True
        self.read_table()

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
            self._wake.clear()
            try:
                await self._publish_all()
                failures = 0
            except _EXPECTED as error:
                failures += 1
                PUBLISH_FAILURES.labels(self._stream).inc()
                _LOG.warning("relay waits", stream=self._stream, error=str(error) or type(error).__name__)
                if self._connection.is_closed():
                    raise
                self.compare()
                with suppress(*_EXPECTED):  # it matters most while the broker is away
                    await self._measure_lag()
                await asyncio.sleep(min(0.1 * 2**failures, 2.0))
            else:
                await self._rest()

    def has_said(self, position: int) -> bool:
        """Tell whether it has published all up to that position."""
        return self._cursor is not None and self._cursor.position >= position

    @property
    def is_idle(self) -> bool:
        """Whether all that it knows of is published."""
        return self._rests and not self._wake.is_set()

    async def _rest(self) -> None:
        """Wait for what is offered; now and then look into the table, should another replica's word be lost."""
        self._rests = True
        try:
            async with asyncio.timeout(SAVE_SECONDS if self._cursor != self._saved else POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            self.read_table()
        finally:
            self._rests = False

    async def _publish_all(self) -> None:
        while True:
            cursor = await self._checked_cursor()
            batch = await self._next_batch(cursor)
            if batch:
                began = time.time_ns()
                sequence = await publish(self._nc, self._stream, batch)
                published(self._stream, [row.envelope for row in batch], began)
                PUBLISHED.labels(self._stream).inc(len(batch))
                self._cursor = replace(cursor, position=batch[-1].position, sequence=sequence)
            await self._save_in_time()
            if not self._offered and not self._reads_table:
                return

    async def _next_batch(self, cursor: Cursor) -> list[Said]:
        """Return what follows the cursor: as it was offered, or as it stands in the outbox."""
        if not self._reads_table:
            offered, self._offered = self._offered[:BATCH], self._offered[BATCH:]
            return [said for said in offered if said.position > cursor.position]
        self._reads_table, self._offered = False, []
        async with self._turn:
            rows = await self._connection.fetch(_UNSAID, self._stream, cursor.position, BATCH)
        self._reads_table |= len(rows) == BATCH
        return [Said(*row) for row in rows]

    async def _save_in_time(self) -> None:
        """Save the cursor now and then: one that is behind only makes the next leader repeat itself."""
        if self._cursor != self._saved and asyncio.get_running_loop().time() >= self._saved_at + SAVE_SECONDS:
            await self._save()

    async def _save(self) -> None:
        """Save the cursor over the one that was saved before; where an operator has moved that one, take theirs."""
        if (cursor := self._cursor) is not None:
            before = self._saved or _NOWHERE
            moved = (cursor.position, cursor.incarnation, cursor.sequence, before.position, before.sequence)
            async with self._turn:
                saved = await self._connection.fetchval(_MOVE, self._stream, *moved)
            self._saved, self._saved_at = cursor, asyncio.get_running_loop().time()
            if saved is None:
                self._cursor = None

    async def _checked_cursor(self) -> Cursor:
        """Return the cursor, compared with the stream every few seconds and after every trouble.

        Raises PublishError while the stream does not exist.
        """
        now = asyncio.get_running_loop().time()
        if self._cursor is not None and not self._compares and now < self._checked_at + CHECK_SECONDS:
            return self._cursor
        thorough, self._compares = self._compares, False
        state = await stream_state(self._nc, self._stream)
        if state is None:
            raise PublishError(f"stream {self._stream} does not exist (yet)")
        cursor = self._cursor = await self._corrected(await self._kept(state), state, thorough=thorough)
        self._checked_at = now
        await self._measure_lag()
        return cursor

    async def _measure_lag(self) -> None:
        """Tell how far it is behind; before it knows by itself, by the cursor in the table."""
        position = self._cursor.position if self._cursor else None
        async with self._turn:
            [[rows, seconds]] = await self._connection.fetch(_LAG, self._stream, position)
        OUTBOX_LAG.labels(self._stream).set(rows)
        OUTBOX_LAG_SECONDS.labels(self._stream).set(seconds)

    async def _kept(self, state: StreamState) -> Cursor:
        """Return the cursor: one's own, or the one in the table at first, and when an operator has moved that."""
        async with self._turn:
            row = await self._connection.fetchrow(_CURSOR, self._stream)
        kept = Cursor(*row) if row else None
        if self._cursor is not None and kept == self._saved:
            return self._cursor
        if self._saved is not None and kept is not None:
            REWINDS.labels(self._stream).inc()
            _LOG.warning("an operator has moved the cursor", stream=self._stream, position=kept.position)
        self._saved = kept
        self.read_table()
        return kept or Cursor(0, state.created, state.last_sequence)

    async def _corrected(self, cursor: Cursor, state: StreamState, *, thorough: bool) -> Cursor:
        """Return the cursor, moved back to what the stream still holds if it forgot some."""
        last_event = None
        if thorough:
            async with self._turn:
                last_event = await self._connection.fetchval(_EVENT_AT, self._stream, cursor.position)
        held = await held_position(self._nc, self._service, self._stream, cursor, state, last_event)
        if held == cursor.position and state.created == cursor.incarnation:
            return cursor
        REWINDS.labels(self._stream).inc()
        _LOG.warning("stream forgot, saying it again", stream=self._stream, position=cursor.position, held=held)
        self.read_table()
        return Cursor(held, state.created, state.last_sequence)


class Relay:
    """One task of each service; of several replicas the one that holds the advisory lock publishes."""

    def __init__(self, service: str, streams: Iterable[str], database: Database) -> None:
        self._service, self._streams, self._database = service, tuple(streams), database
        self._relays: dict[str, StreamRelay] = {}
        self._next_position = 0

    def offer(self, said: Sequence[tuple[str, Said]]) -> None:
        """Take a committed transaction's rows (stream, row), in position order, to publish without reading them back.

        Positions are dense and in commit order (ADR 2). So rows that continue the last ones are all there is; after a
        gap (a rollback, another replica, a reader that was overtaken) the streams read the table instead.
        """
        if not said:
            return
        first, last = said[0][1].position, said[-1][1].position
        if first == self._next_position:
            for stream, row in said:
                if relay := self._relays.get(stream):
                    relay.offer(row)
        else:
            self.read_tables()
        self._next_position = max(self._next_position, last + 1)

    def has_said(self, stream: str, row: Said) -> bool:
        """Tell whether a row has been published; where another replica publishes, it is trusted to."""
        relay = self._relays.get(stream)
        return relay is None or relay.has_said(row.position)

    @property
    def leads(self) -> bool:
        """Whether this process is the one that publishes; else it tells the one that is (wakes_relay)."""
        return bool(self._relays)

    def read_tables(self) -> None:
        """Make every stream read the outbox itself."""
        for relay in self._relays.values():
            relay.read_table()

    async def finish(self, seconds: float) -> None:
        """Wait until all that was offered is published, at most `seconds`: what is left waits for the next start."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not all(relay.is_idle for relay in self._relays.values()):  # noqa: ASYNC110
                    await asyncio.sleep(_FINISH_POLL_SECONDS)

    async def compare(self) -> None:
        """Compare every stream with its cursor before anything else is published.

        Due when the connection is lost, too: what is published meanwhile goes out before anybody hears that it is back,
        and a message of ours at the end of a shortened stream would look as if nothing before it were missing.
        """
        for relay in self._relays.values():
            relay.compare()

    async def run(self, nc: Client) -> None:
        """Stand by for leadership, publish while holding it; survives the loss of Postgres and of NATS."""
        await nc.subscribe(wakes_relay(self._service), cb=self._woken)
        while True:
            try:
                await self._lead(nc)
            except* _EXPECTED as group:
                _LOG.warning("relay lost its connection", error=str(group.exceptions[0]))
            await asyncio.sleep(POLL_SECONDS / 2)

    async def _woken(self, _message: Msg) -> None:
        """Look at once for what another replica has committed."""
        self.read_tables()

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
            for gauge in (OUTBOX_LAG, OUTBOX_LAG_SECONDS):  # the next leader tells it
                gauge.clear()
            self._relays = {}
            connection.terminate()
