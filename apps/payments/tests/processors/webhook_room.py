"""A payments room that processors' webhooks come into: the real machine on a real database, and an obliging ledger."""

from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

from apps.payments.domain.processing import DisputeNews, OperationNews, ProcessorEvent
from apps.payments.domain.signals import LedgerResult
from apps.payments.handlers.signals import apply_signals
from apps.payments.processors.port import Processor
from apps.payments.queries.accept_webhook import accept_webhook
from apps.payments.store import inbound
from apps.payments.store.inbound import NewWebhook
from apps.payments.tests.building import enveloped
from apps.payments.tests.room import TERMS, Room
from apps.payments.workers.apply_webhooks import apply_webhooks
from contracts.ids import new_id
from contracts.message import decode
from contracts.payments import AcceptWebhook, WebhookAccepted
from outbox.database import Database

_WAITING = """
SELECT id FROM operation WHERE processor IS NULL AND settled_at IS NULL AND ($1::uuid IS NULL OR intent_id = $1)
"""
_FINAL = """
SELECT i.state, i.captured, i.disputed, i.lost, i.authorisation, d.status, d.funds
FROM payment_intent AS i LEFT JOIN dispute AS d ON d.intent_id = i.id WHERE i.id = $1
"""
machine = partial(apply_signals, terms=TERMS)


class WebhookRoom:
    """What comes in, what is looked at, and how everything stands."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.room = Room(database)
        self.transactions = self.room.transactions

    async def accept(
        self, processor: Processor, headers: dict[str, str], body: bytes, name: str = "sandbox"
    ) -> WebhookAccepted:
        """Take a webhook in, as the gateway asks for it."""
        asked = enveloped(AcceptWebhook(processor=name, headers=headers, body=b64encode(body)))
        query = decode(asked.encode(), AcceptWebhook)
        known = {processor.name: processor}
        return await accept_webhook(self.database, query, transactions=self.transactions, processors=known)

    async def keep(
        self, *news: OperationNews | DisputeNews, processor: str = "sandbox", age: timedelta = timedelta(0)
    ) -> list[UUID]:
        """Verified webhooks, which came in this order some time ago."""
        kept = []
        for one in news:
            event = ProcessorEvent(f"evt_{new_id()}", "said", one)
            async with self.transactions.begin() as tx:
                tx.now -= age
                identifier, _ = await inbound.keep(tx, NewWebhook(new_id(), processor, event, {}, b"{}"))
            kept.append(identifier)
        return kept

    async def look(self, apply: Any = machine) -> None:
        """Look at what is due, as the worker does."""
        while await apply_webhooks(self.transactions, apply):
            pass

    async def let_time_pass(self) -> None:
        """Until what is parked is due."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        await self.database.pool.execute("UPDATE inbound_webhook SET next_at = $1 WHERE status = 'parked'", past)

    async def answer_ledger(self, intent: UUID | None = None) -> bool:
        """Let the ledger carry out what it was asked for; tell whether that was anything."""
        waiting = [row["id"] for row in await self.database.pool.fetch(_WAITING, intent)]
        if waiting:
            await self.room.apply(*(LedgerResult(operation) for operation in waiting))
        return bool(waiting)

    async def come_to_rest(self, intent: UUID) -> None:
        """Go on until nothing is due any more."""
        for _ in range(10):
            await self.let_time_pass()
            await self.look()
            while await self.answer_ledger(intent):
                pass

    async def webhooks(self) -> list[asyncpg.Record]:
        return await self.database.pool.fetch("SELECT * FROM inbound_webhook ORDER BY id")

    async def statuses(self) -> list[str]:
        return [row["status"] for row in await self.webhooks()]

    async def final(self, intent: UUID) -> dict[str, Any]:
        """How a payment stands: all that must not depend on the order in which its news came."""
        row = await self.database.pool.fetchrow(_FINAL, intent)
        assert row
        operations = await self.database.pool.fetch("SELECT verb, status FROM operation WHERE intent_id = $1", intent)
        return {**dict(row), "operations": Counter((o["verb"], o["status"]) for o in operations)}
