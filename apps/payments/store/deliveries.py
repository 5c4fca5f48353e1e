"""Webhook deliveries: what is said to which endpoint. How they are sent is store.delivery_queue."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from apps.payments.domain.delivering import body_of, matches
from apps.payments.store import endpoints
from apps.payments.store.endpoints import Asking
from apps.payments.store.hops import HopRow
from contracts.ids import new_id
from contracts.payments import Delivery, DeliveryAttempt, DeliveryStatus
from outbox.database import Reads, columns
from outbox.transaction import Transaction

WORKER = "webhooks"
"""The worker that sends what is due here."""
_LAST_ID = UUID(int=2**128 - 1)

_INSERT = """
INSERT INTO webhook_delivery
      (id, endpoint_id, owner, event_id, event, intent_id, line, body, traceparent, status, next_at, created_at)
SELECT id, endpoint_id, owner, event_id, event, intent_id, line, body, traceparent, 'pending', $10, $10
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::integer[], $8::text[],
            $9::text[])
     AS new (id, endpoint_id, owner, event_id, event, intent_id, line, body, traceparent)
"""
_SHOWN = """
SELECT id, endpoint_id, event_id, event, intent_id, status, next_at, created_at FROM webhook_delivery
"""
_ONE = _SHOWN + " WHERE id = $1"
_PAGE = _SHOWN + " WHERE endpoint_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
_PAGES: Mapping[DeliveryStatus | None, str] = {
    None: _PAGE,
    DeliveryStatus.PENDING: _SHOWN
    + " WHERE endpoint_id = $1 AND id < $2 AND next_at IS NOT NULL ORDER BY id DESC LIMIT $3",
    DeliveryStatus.SUCCEEDED: _SHOWN
    + " WHERE endpoint_id = $1 AND id < $2 AND status = 'succeeded' ORDER BY id DESC LIMIT $3",
    DeliveryStatus.FAILED: _SHOWN
    + " WHERE endpoint_id = $1 AND id < $2 AND status = 'failed' ORDER BY id DESC LIMIT $3",
}
_ATTEMPTS = """
SELECT delivery_id, number, at, status_code, error, milliseconds
FROM webhook_attempt WHERE delivery_id = ANY ($1::uuid[]) ORDER BY delivery_id, number
"""
_LOCK = """
SELECT d.id, d.endpoint_id, d.owner, d.event_id, d.event, d.intent_id, d.line, d.body, d.status, d.tries,
       EXISTS (SELECT FROM webhook_attempt a WHERE a.delivery_id = d.id AND a.number = d.tries) AS is_recorded
FROM webhook_delivery d WHERE d.id = $1 AND d.owner = $2 FOR UPDATE OF d
"""
_BRING_FORWARD = "UPDATE webhook_delivery SET next_at = $2 WHERE id = $1"
_BEYOND = "SELECT at FROM hop WHERE event_id IS NOT NULL AND at >= $1 ORDER BY at OFFSET $2 LIMIT 1"
_TOLD = """
SELECT h.intent_id, h.number AS line, h.at, h.event_id, h.event, h.data
FROM hop h JOIN payment_intent p ON p.id = h.intent_id
WHERE h.event_id IS NOT NULL AND h.at >= $3 AND h.at < $4 AND (p.customer = $2 OR p.merchant = $2)
      AND NOT EXISTS (SELECT FROM webhook_delivery d WHERE d.endpoint_id = $1 AND d.intent_id = h.intent_id
                                                           AND d.line = h.number AND d.next_at IS NOT NULL)
ORDER BY h.at, h.intent_id, h.number
"""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """An event for one endpoint. `line` is where it stands among the payment's events; `body` is never changed.

    Its attempts are part of the trace that `traceparent` names; what somebody asks for again is part of none.
    """

    endpoint_id: UUID
    owner: UUID
    event_id: UUID
    event: str
    intent_id: UUID | None
    line: int
    body: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class KeptDelivery:
    """A delivery that was made before. `in_hand` tells that an attempt is under way, as far as anybody knows."""

    id: UUID
    new: NewDelivery
    status: DeliveryStatus
    in_hand: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A public event of the past: hop number `line` of a payment."""

    at: datetime
    intent_id: UUID
    line: int
    event_id: UUID
    event: str
    data: str


async def fan_out(tx: Transaction, hops: Sequence[HopRow]) -> None:
    """Make a delivery of each public hop for each enabled endpoint of its customer and merchant that asks for it."""
    owners = {party for hop in hops if hop.event_id for party in (hop.customer, hop.merchant) if party}
    asking = await endpoints.load_asking(tx, owners) if owners else []
    if not asking:
        return
    of_owner: dict[UUID, list[Asking]] = {}
    for endpoint in asking:
        of_owner.setdefault(endpoint.owner, []).append(endpoint)
    await add(tx, [delivery for hop in hops for delivery in _deliveries(hop, of_owner)])


def _deliveries(hop: HopRow, of_owner: Mapping[UUID, Sequence[Asking]]) -> Iterable[NewDelivery]:
    if not (hop.event_id and hop.event and hop.data):
        return
    heard = [e for party in {hop.customer, hop.merchant} if party for e in of_owner.get(party, ())]
    asked = [endpoint for endpoint in heard if matches(endpoint.events, hop.event)]
    body = body_of(hop.event_id, hop.event, hop.at, hop.data) if asked else ""
    for e in asked:
        yield NewDelivery(e.id, e.owner, hop.event_id, hop.event, hop.intent_id, hop.number, body, hop.traceparent)


async def add(tx: Transaction, deliveries: Iterable[NewDelivery]) -> list[UUID]:
    """Add deliveries that are due at once; return their ids."""
    rows = [
        (new_id(), d.endpoint_id, d.owner, d.event_id, d.event, d.intent_id, d.line, d.body, d.traceparent)
        for d in deliveries
    ]
    if rows:
        await tx.execute(_INSERT, *columns(rows, 9), tx.now)
        tx.wake(WORKER)
    return [row[0] for row in rows]


async def load_page(
    reads: Reads, endpoint: UUID, status: DeliveryStatus | None, before: UUID | None, limit: int
) -> list[Delivery]:
    """Return an endpoint's deliveries with their attempts, newest first, those older than `before`."""
    return await _with_attempts(reads, await reads.fetch(_PAGES[status], endpoint, before or _LAST_ID, limit))


async def load(reads: Reads, delivery: UUID) -> Delivery:
    """Return a delivery that exists."""
    (shown,) = await _with_attempts(reads, await reads.fetch(_ONE, delivery))
    return shown


async def lock(tx: Transaction, owner: UUID, delivery: UUID) -> KeptDelivery | None:
    """Lock a delivery of the owner's and return it."""
    row = await tx.fetchrow(_LOCK, delivery, owner)
    if row is None:
        return None
    new = NewDelivery(
        row["endpoint_id"], row["owner"], row["event_id"], row["event"], row["intent_id"], row["line"], row["body"]
    )
    return KeptDelivery(row["id"], new, DeliveryStatus(row["status"]), row["tries"] > 0 and not row["is_recorded"])


async def bring_forward(tx: Transaction, delivery: UUID) -> None:
    """Let a locked pending delivery be due now."""
    await tx.execute(_BRING_FORWARD, delivery, tx.now)
    tx.wake(WORKER)


async def begin_of_rest(reads: Reads, since: datetime, limit: int) -> datetime | None:
    """Return when the first public event after the first `limit` of all since a time was; None when there is none."""
    begin: datetime | None = await reads.fetchval(_BEYOND, since, limit)
    return begin


async def told_between(reads: Reads, endpoint: UUID, party: UUID, since: datetime, until: datetime) -> list[Told]:
    """Return the events of a party's payments in [since, until) that are not pending there, in their order."""
    return [Told(**row) for row in await reads.fetch(_TOLD, endpoint, party, since, until)]


async def _with_attempts(reads: Reads, rows: Collection[asyncpg.Record]) -> list[Delivery]:
    attempts: dict[UUID, list[DeliveryAttempt]] = {row["id"]: [] for row in rows}
    for row in await reads.fetch(_ATTEMPTS, list(attempts)) if attempts else []:
        attempts[row["delivery_id"]].append(
            DeliveryAttempt(
                number=row["number"],
                at=row["at"],
                status_code=row["status_code"],
                error=row["error"],
                milliseconds=row["milliseconds"],
            )
        )
    return [_delivery(row, attempts[row["id"]]) for row in rows]


def _delivery(row: asyncpg.Record, attempts: list[DeliveryAttempt]) -> Delivery:
    return Delivery(
        id=row["id"],
        endpoint=row["endpoint_id"],
        event_id=row["event_id"],
        event=row["event"],
        payment_intent=row["intent_id"],
        status=DeliveryStatus(row["status"]),
        next_attempt_at=row["next_at"],
        attempts=attempts,
        created_at=row["created_at"],
    )
