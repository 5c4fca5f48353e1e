"""Processors' webhooks: kept raw as they came, and what has become of each."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import TypeAdapter

from apps.payments.domain.operations import OperationStatus
from apps.payments.domain.processing import DisputeNews, OperationNews, ProcessorEvent, Verb
from outbox.database import columns
from outbox.transaction import Transaction

_INSERT = """
INSERT INTO inbound_webhook
      (id, processor, event_id, kind, facts, headers, body, status, next_at, received_at, settled_at)
VALUES ($1, $2, $3, $4, $5::json, $6::json, $7, $8, $9, $10, $11)
ON CONFLICT (processor, event_id) DO NOTHING RETURNING id
"""
_KNOWN = "SELECT id FROM inbound_webhook WHERE processor = $1 AND event_id = $2"
_LOCK_DUE = """
SELECT id, processor, kind, facts, tries, received_at FROM inbound_webhook
WHERE next_at <= $1 ORDER BY next_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_OF_IDS = """
SELECT id, processor, reference, intent_id, settled_at IS NULL AS is_open FROM operation
WHERE id = ANY ($1::uuid[]) AND processor IS NOT NULL
"""
_OF_REFERENCES = """
SELECT o.id, o.processor, o.reference, o.intent_id, o.settled_at IS NULL AS is_open
FROM unnest($1::text[], $2::text[]) AS said (processor, reference)
JOIN operation AS o ON o.processor = said.processor AND o.reference = said.reference
ORDER BY o.id
"""
_SETTLED = """
SELECT o.id, o.intent_id, o.verb, o.status, o.processor, o.asked_at, o.tries, o.problem ->> 'code' AS problem,
       o.amount, o.asked ->> 'currency' AS currency, s.operation_id IS NOT NULL AS by_hand
FROM operation AS o LEFT JOIN settlement AS s ON s.operation_id = o.id
WHERE o.id = ANY ($1::uuid[]) AND o.settled_at IS NOT NULL AND o.processor IS NOT NULL
"""
_UPDATE = """
UPDATE inbound_webhook AS w
SET status = m.status, intent_id = m.intent_id, tries = m.tries, next_at = m.next_at, settled_at = m.settled_at
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::integer[], $5::timestamptz[], $6::timestamptz[])
     AS m (id, status, intent_id, tries, next_at, settled_at)
WHERE w.id = m.id
"""

News = OperationNews | DisputeNews
_OPERATION, _DISPUTE = TypeAdapter(OperationNews), TypeAdapter(DisputeNews)


class WebhookStatus(StrEnum):
    """How a webhook stands; `applied` and `ignored` (it changed nothing) are final.

    received: not looked at yet. parked: about nothing that we know yet. attention: so long that a person has to look.
    """

    RECEIVED = "received"
    PARKED = "parked"
    APPLIED = "applied"
    IGNORED = "ignored"
    ATTENTION = "attention"


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A verified webhook, raw as it came; `headers` are those that prove where it is from."""

    id: UUID
    processor: str
    event: ProcessorEvent
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook that is due; `tries` counts how often it was looked at."""

    id: UUID
    processor: str
    kind: str
    news: News
    tries: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Looked:
    """What has become of a webhook that was looked at."""

    id: UUID
    status: WebhookStatus
    intent_id: UUID | None
    tries: int
    next_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Named:
    """An operation that a webhook may be about."""

    id: UUID
    processor: str
    reference: str | None
    intent_id: UUID
    is_open: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """How an operation ended, and whether an operator said so; `problem` is the code of why it failed."""

    id: UUID
    intent_id: UUID
    verb: Verb
    status: OperationStatus
    processor: str
    asked_at: datetime
    tries: int
    problem: str | None
    amount: int
    currency: str
    by_hand: bool


async def keep(tx: Transaction, webhook: NewWebhook) -> tuple[UUID, bool]:
    """Keep a webhook, once; return its id, or that of the same event that was kept before, and whether it is new."""
    news = webhook.event.news
    status = WebhookStatus.RECEIVED if news else WebhookStatus.IGNORED
    due, settled = (tx.now, None) if news else (None, tx.now)
    row = (webhook.processor, webhook.event.event_id, webhook.event.kind)
    kept = (facts_of(news), json.dumps(dict(webhook.headers)), webhook.body, status.value, due, tx.now, settled)
    if await tx.fetchval(_INSERT, webhook.id, *row, *kept):
        return webhook.id, True
    return await tx.fetchval(_KNOWN, webhook.processor, webhook.event.event_id), False


async def lock_due(tx: Transaction, limit: int) -> list[Webhook]:
    """Lock the webhooks that are due, those that have waited longest, and return them in the order of arrival."""
    rows = await tx.fetch(_LOCK_DUE, tx.now, limit)
    due = [Webhook(r["id"], r["processor"], r["kind"], _news(r["facts"]), r["tries"], r["received_at"]) for r in rows]
    return sorted(due, key=lambda webhook: webhook.id)


async def operations_named(
    tx: Transaction, ids: Collection[UUID], references: Collection[tuple[str, str]]
) -> Sequence[Named]:
    """Return the operations at processors that have one of the ids, or one of the (processor, reference) pairs."""
    rows = await tx.fetch(_OF_IDS, list(ids)) if ids else []
    if references:
        rows += await tx.fetch(_OF_REFERENCES, *columns(sorted(references), 2))
    return [Named(**dict(row)) for row in rows]


async def settled(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, Settled]:
    """Return those of some operations that are settled, by their ids."""
    rows = [dict(row) for row in await tx.fetch(_SETTLED, list(ids))] if ids else []
    return {
        row["id"]: Settled(**row | {"verb": Verb(row["verb"]), "status": OperationStatus(row["status"])})
        for row in rows
    }


async def update(tx: Transaction, looked: Sequence[Looked]) -> None:
    """Write what has become of locked webhooks."""
    rows = [(w.id, w.status.value, w.intent_id, w.tries, w.next_at, w.settled_at) for w in looked]
    if rows:
        await tx.execute(_UPDATE, *columns(rows, 6))


def facts_of(news: News | None) -> str:
    """Return news as JSON."""
    if isinstance(news, OperationNews):
        return json.dumps({"operation": _OPERATION.dump_python(news, mode="json")})
    return json.dumps({"dispute": _DISPUTE.dump_python(news, mode="json")} if news else {})


def _news(facts: str) -> News:
    said = json.loads(facts)
    if "operation" in said:
        return _OPERATION.validate_python(said["operation"])
    return _DISPUTE.validate_python(said["dispute"])
