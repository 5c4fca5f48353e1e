"""What an id names: a payment or a part of one, a message, or the correlation of all that a request has led to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from nats.aio.client import Client

from contracts.ids import made_at
from contracts.topology import durable, streams_said_by
from ops.hops import find_stored
from outbox.database import Reads

Sessions = Mapping[str, Reads]
"""A session that reads on each service's database."""
MARGIN = timedelta(seconds=60)
"""A message is recorded within seconds of being made; clocks differ a little."""

# What of a payment has an id, in the payments' database, and what the id is then called.
_PAYMENT = """
SELECT 'payment intent' AS named, id AS intent FROM payment_intent WHERE id = $1
UNION ALL SELECT 'refund', intent_id FROM refund WHERE id = $1
UNION ALL SELECT 'dispute', intent_id FROM dispute WHERE id = $1
UNION ALL SELECT 'operation', intent_id FROM operation WHERE id = $1
UNION ALL SELECT 'event', intent_id FROM hop WHERE event_id = $1
LIMIT 1
"""
_ASSESSMENT = "SELECT payment_intent_id FROM decision WHERE assessment_id = $1"
_IN_LEDGER = """
SELECT 'transfer' AS named, reference, posted_at AS at FROM transfer WHERE id = $1
UNION ALL SELECT 'hold', reference, placed_at FROM hold WHERE id = $1
"""
_ABOUT = """
SELECT envelope->>'correlationid' FROM outbox
WHERE stream = ANY ($1::text[]) AND recorded_at >= $2 AND recorded_at < $3 AND envelope::text LIKE '%' || $4 || '%'
ORDER BY position LIMIT 1
"""
_SAID = """
SELECT envelope->>'correlationid' FROM outbox WHERE recorded_at >= $1 AND recorded_at < $2 AND event_id = $3
"""
_TAKEN = "SELECT consumer, recorded_at FROM inbox WHERE message_id = $1 ORDER BY recorded_at LIMIT 1"
_FOLLOWED = """
SELECT envelope->>'correlationid' FROM outbox
WHERE recorded_at >= $1 AND recorded_at < $2 AND envelope->>'causationid' = $3 LIMIT 1
"""


@dataclass(frozen=True)
class Subject:
    """What an id names: a payment, or else what was said under a correlation id since an instant."""

    named: str
    payment: UUID | None = None
    correlation_id: str | None = None
    since: datetime | None = None


async def find_subject(sessions: Sessions, nc: Client, identifier: str, since: datetime) -> Subject:
    """Return what an id names; where nothing else is found, it is taken for a correlation id, looked for `since`."""
    named = _uuid(identifier)
    if named:
        found = await _payment(sessions, named) or await _message(sessions, nc, named)
        if found:
            return found
        since = min(since, made_at(named) - MARGIN) if named.version == 7 else since  # noqa: PLR2004 - RFC 9562
    return Subject("correlation id", correlation_id=identifier, since=since)


async def _payment(sessions: Sessions, identifier: UUID) -> Subject | None:
    """Look for a payment, for a part of one, or for what the ledger has of something else."""
    payments = sessions["payments"]
    if row := await payments.fetchrow(_PAYMENT, identifier):
        return Subject(row["named"], payment=row["intent"])
    if intent := await sessions["risk"].fetchval(_ASSESSMENT, identifier):
        return Subject("assessment", payment=intent)
    posted = await sessions["wallet"].fetchrow(_IN_LEDGER, identifier)
    if posted is None:
        return None
    if posted["reference"] and (row := await payments.fetchrow(_PAYMENT, posted["reference"])):
        return Subject(posted["named"], payment=row["intent"])
    window = (posted["at"] - MARGIN, posted["at"] + MARGIN)
    said = list(streams_said_by("wallet"))
    correlation = await sessions["wallet"].fetchval(_ABOUT, said, *window, str(identifier))
    return Subject(posted["named"], correlation_id=correlation, since=window[0]) if correlation else None


async def _message(sessions: Sessions, nc: Client, identifier: UUID) -> Subject | None:
    """Look for a message in outboxes, and for one of the gateway's, which has none, where it was taken."""
    made = made_at(identifier)
    for reads in sessions.values():
        if correlation := await reads.fetchval(_SAID, made - MARGIN, made + MARGIN, identifier):
            return Subject("message", correlation_id=correlation, since=made - MARGIN)
    for reads in sessions.values():
        if taken := await reads.fetchrow(_TAKEN, identifier):
            return await _taken(reads, nc, identifier, taken["consumer"], taken["recorded_at"])
    return None


async def _taken(reads: Reads, nc: Client, identifier: UUID, consumer: str, at: datetime) -> Subject | None:
    """Return the correlation of what followed from a message, or that the message itself has in its stream."""
    correlation = await reads.fetchval(_FOLLOWED, at - MARGIN, at + MARGIN, str(identifier))
    if correlation is None and (stored := await find_stored(nc, durable(consumer).stream, identifier)):
        correlation = stored[0].correlationid
    since = min(made_at(identifier), at).astimezone(UTC) - MARGIN
    return Subject("message", correlation_id=correlation, since=since) if correlation else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
