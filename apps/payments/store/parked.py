"""Webhooks that wait for what they are about, or were given up; never what they were signed with, or their bodies."""

from uuid import UUID

import asyncpg

from apps.payments.store.inbound import WebhookStatus
from contracts.payments import ListParkedWebhooks, ParkedWebhook
from outbox.database import Reads
from outbox.transaction import Transaction

# What is said of itself is the processor's text, and shown as far as it is short.
_PAGE = """
SELECT id, processor, left(event_id, 255) AS event_id, left(kind, 255) AS kind, status, intent_id, tries, next_at,
       received_at, facts #>> '{operation,operation_id}' AS operation,
       left(coalesce(facts #>> '{operation,reference}', facts #>> '{dispute,parent}'), 255) AS reference
FROM (
    (SELECT id, processor, event_id, kind, status, intent_id, tries, next_at, received_at, facts FROM inbound_webhook
     WHERE status = 'parked' AND $3::boolean IS NOT TRUE AND id < $1 ORDER BY id DESC LIMIT $2)
    UNION ALL
    (SELECT id, processor, event_id, kind, status, intent_id, tries, next_at, received_at, facts FROM inbound_webhook
     WHERE status = 'attention' AND $3 IS NOT FALSE AND id < $1 ORDER BY id DESC LIMIT $2)
) AS parked ORDER BY id DESC LIMIT $2
"""
_RETRY = """
UPDATE inbound_webhook SET status = 'parked', next_at = $2
WHERE id = $1 AND status IN ('parked', 'attention')
RETURNING id, processor, left(event_id, 255) AS event_id, left(kind, 255) AS kind, status, intent_id, tries, next_at,
          received_at, facts #>> '{operation,operation_id}' AS operation,
          left(coalesce(facts #>> '{operation,reference}', facts #>> '{dispute,parent}'), 255) AS reference
"""
_LAST_ID = UUID(int=2**128 - 1)


async def load_page(reads: Reads, asked: ListParkedWebhooks, limit: int) -> list[ParkedWebhook]:
    """Return webhooks that wait or were given up, newest first, those below `before`."""
    rows = await reads.fetch(_PAGE, asked.before or _LAST_ID, limit, asked.given_up)
    return [_parked(row) for row in rows]


async def retry(tx: Transaction, webhook_id: UUID) -> ParkedWebhook | None:
    """Have a webhook looked at now; None when it has taken effect meanwhile, or never was."""
    row = await tx.fetchrow(_RETRY, webhook_id, tx.now)
    return _parked(row) if row else None


def _parked(row: asyncpg.Record) -> ParkedWebhook:
    return ParkedWebhook(
        id=row["id"],
        processor=row["processor"],
        event_id=row["event_id"],
        event=row["kind"],
        operation=row["operation"],
        reference=row["reference"],
        payment_intent=row["intent_id"],
        received_at=row["received_at"],
        tries=row["tries"],
        next_look_at=row["next_at"],
        given_up=row["status"] == WebhookStatus.ATTENTION,
    )
