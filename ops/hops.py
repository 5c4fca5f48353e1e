"""The hops of one request: who said what to whom and when, read back from what the services have committed.

Every outbox row keeps the correlation id of the request that it follows from, and every inbox row which message was
taken up when; joined by message id they are the choreography as it really happened. Meant for looking at single
requests: an outbox has no index on the correlation id, so `since` and `until` bound the search.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from nats.aio.client import Client

from contracts.ids import made_at
from contracts.message import REGISTRY, SOURCE_PREFIX, Envelope, Kind, Message
from contracts.topology import durable
from ops.read_only import read_only
from outbox.database import Reads
from outbox.publisher import stored_message, stream_state

HOPS_PER_SERVICE = 1000
_END = datetime.max.replace(tzinfo=UTC)
_LOOK_BACK = 1000  # messages of a stream that are searched for a command, newest first

_SAID = """
SELECT event_id, envelope->>'type' AS type, (envelope->>'causationid')::uuid AS cause, recorded_at
FROM outbox WHERE recorded_at >= $1 AND recorded_at < $4 AND envelope->>'correlationid' = $2
ORDER BY position LIMIT $3
"""
_TAKEN = """
SELECT message_id, consumer, recorded_at FROM inbox WHERE message_id = ANY ($1::uuid[]) ORDER BY recorded_at
"""


@dataclass(frozen=True)
class Taking:
    """A consumer of a service took a message up, in a transaction that committed."""

    service: str
    consumer: str
    at: datetime


@dataclass(frozen=True)
class Hop:
    """One message. `said_at` is when its sender's outbox got it; for the gateway, which has none, its stream.

    `cause` is the message that it follows from, None at the beginning.
    """

    id: UUID
    cause: UUID | None
    message: type[Message]
    said_by: str
    said_at: datetime
    taken: tuple[Taking, ...]

    @property
    def kind(self) -> Kind:
        """The kind of message."""
        return self.message.contract.kind


@dataclass(frozen=True)
class _Row:
    """A row of an outbox."""

    id: UUID
    type: str
    cause: UUID | None
    service: str
    at: datetime


async def read_hops(database_urls: Mapping[str, str], nc: Client, correlation_id: str, since: datetime) -> list[Hop]:
    """Return the hops of the request with that correlation id in the order in which they were said.

    `database_urls` maps each service to its database (rights to read outbox and inbox suffice); `nc` may read
    streams, as the operator may. Raises OSError, asyncpg or nats errors when a server does not answer.
    """
    async with sessions_on(database_urls) as sessions:
        return await hops_of(sessions, nc, correlation_id, since)


@asynccontextmanager
async def sessions_on(database_urls: Mapping[str, str]) -> AsyncIterator[dict[str, Reads]]:
    """Lend a session that reads on each service's database."""
    async with AsyncExitStack() as stack:
        yield {s: Reads(await stack.enter_async_context(read_only(url))) for s, url in database_urls.items()}


async def hops_of(
    sessions: Mapping[str, Reads], nc: Client, correlation_id: str, since: datetime, until: datetime = _END
) -> list[Hop]:
    """Return the hops of a request, as `read_hops`, on sessions that are open already."""
    rows = await _rows(sessions, correlation_id, since, until)
    said = {row.id for row in rows}
    first = {row.cause for row in rows if row.cause} - said
    takings = await _takings(sessions, first | said)
    commands = [await _command(nc, identifier, takings[identifier]) for identifier in first & takings.keys()]
    hops = [Hop(r.id, r.cause, REGISTRY[r.type], r.service, r.at, tuple(takings.get(r.id, ()))) for r in rows]
    return sorted([*commands, *hops], key=lambda hop: hop.said_at)


async def _rows(sessions: Mapping[str, Reads], correlation_id: str, since: datetime, until: datetime) -> list[_Row]:
    async def of(service: str, reads: Reads) -> list[_Row]:
        found = await reads.fetch(_SAID, since, correlation_id, HOPS_PER_SERVICE, until)
        return [_Row(row["event_id"], row["type"], row["cause"], service, row["recorded_at"]) for row in found]

    rows = await asyncio.gather(*(of(*session) for session in sessions.items()))
    return [row for some in rows for row in some]


async def _takings(sessions: Mapping[str, Reads], ids: Iterable[UUID]) -> dict[UUID, list[Taking]]:
    async def of(service: str, reads: Reads) -> list[tuple[UUID, Taking]]:
        found = await reads.fetch(_TAKEN, list(wanted))
        return [(row["message_id"], Taking(service, row["consumer"], row["recorded_at"])) for row in found]

    wanted = set(ids)
    takings: dict[UUID, list[Taking]] = {}
    for some in await asyncio.gather(*(of(*session) for session in sessions.items())):
        for identifier, taking in some:
            takings.setdefault(identifier, []).append(taking)
    return takings


async def _command(nc: Client, identifier: UUID, taken: list[Taking]) -> Hop:
    """Return the hop of a command whose sender, the gateway, has no outbox.

    A stream that has forgotten it, or holds it further back than we look, leaves what its id and its consumer tell.
    """
    consumer = durable(taken[0].consumer)
    stored = await find_stored(nc, consumer.stream, identifier)
    if stored is None:
        message = next(m for m in consumer.messages if "gateway" in m.contract.senders)
        return Hop(identifier, None, message, "gateway", made_at(identifier), tuple(taken))
    envelope, at = stored
    said_by = envelope.source.removeprefix(SOURCE_PREFIX)
    return Hop(identifier, None, REGISTRY[envelope.type], said_by, at, tuple(taken))


async def find_stored(nc: Client, stream: str, identifier: UUID) -> tuple[Envelope[Message], datetime] | None:
    """Look for a message in its stream, newest first; return it and when it was stored."""
    state = await stream_state(nc, stream)
    last = state.last_sequence if state else 0
    for sequence in range(last, max(0, last - _LOOK_BACK), -1):
        message = await stored_message(nc, stream, sequence)
        headers = (message.headers or {}) if message else {}
        if message and headers.get("Nats-Msg-Id") == str(identifier):
            envelope = Envelope[Message].model_validate_json(message.data)
            return envelope, datetime.fromisoformat(headers["Nats-Time-Stamp"])
    return None
