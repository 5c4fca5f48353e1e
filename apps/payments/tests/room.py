"""A payments room without a broker: handlers on a real database, and all that leaves it, to look at."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from apps.payments import store
from apps.payments.domain.intents import Intent
from apps.payments.handlers.apply_risk_decisions import apply_risk_decisions
from apps.payments.handlers.apply_transfer_outcomes import apply_transfer_outcomes
from apps.payments.handlers.confirm_payment_intents import confirm_payment_intents
from apps.payments.handlers.create_payment_intents import create_payment_intents
from apps.payments.handlers.expire_assessments import expire_assessments
from contracts.message import Envelope, Message, Reply, decode
from contracts.payments import ConfirmPaymentIntent, CreatePaymentIntent
from contracts.risk import Assess, RiskDecision
from contracts.wallet import PostTransfer, TransferPosted, TransferRefused
from outbox.consumer import Handler
from outbox.database import Database
from outbox.transaction import Spoken, Transactions

M = TypeVar("M", bound=Message)
RISK_DEADLINE = timedelta(seconds=60)
HANDLERS: dict[type[Message], tuple[str, Handler]] = {
    CreatePaymentIntent: ("create", partial(create_payment_intents, risk_deadline=RISK_DEADLINE)),
    ConfirmPaymentIntent: ("confirm", partial(confirm_payment_intents, risk_deadline=RISK_DEADLINE)),
    RiskDecision: ("decision", apply_risk_decisions),
    TransferPosted: ("outcome", apply_transfer_outcomes),
    TransferRefused: ("outcome", apply_transfer_outcomes),
}


class Room:
    """Delivers messages to the room's handlers, each call as one batch, with the inbox in front as in the service."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.replies: list[Envelope[Reply]] = []
        self.transactions = Transactions(database, "payments", self._hear)

    async def _hear(self, spoken: Spoken) -> None:
        self.replies += [decode(payload, Reply) for _, payload in spoken.replies]

    async def deliver(self, *batch: Envelope[Any]) -> list[Reply]:
        """Deliver one batch of messages of one kind; return the replies that it caused."""
        heard = len(self.replies)
        consumer, handler = HANDLERS[type(batch[0].data)]
        async with self.transactions.begin() as tx:
            new = await tx.take_new(consumer, [envelope.id for envelope in batch])
            once = {envelope.id: envelope for envelope in batch if envelope.id in new}
            await handler(tx, list(once.values()))
        return [reply.data for reply in self.replies[heard:]]

    async def sweep(self) -> list[Reply]:
        heard = len(self.replies)
        async with self.transactions.begin() as tx:
            await expire_assessments(tx)
        return [reply.data for reply in self.replies[heard:]]

    async def said(self, message: type[M]) -> list[Envelope[M]]:
        """All messages of a type in the outbox, in order."""
        async with self.database.reads() as reads:
            rows = await reads.fetch("SELECT envelope::text FROM outbox ORDER BY position")
        texts = [row["envelope"].encode() for row in rows]
        return [
            decode(text, message) for text in texts if Envelope.model_validate_json(text).type == message.contract.type
        ]

    async def assessment(self, intent_id: UUID) -> Assess:
        """What risk was last asked about an intent."""
        return [said.data for said in await self.said(Assess) if said.data.payment_intent_id == intent_id][-1]

    async def post(self, intent_id: UUID) -> PostTransfer:
        """What the ledger was last asked for an intent."""
        return [said.data for said in await self.said(PostTransfer) if said.data.reference == intent_id][-1]

    async def intent(self, intent_id: UUID) -> Intent:
        async with self.database.reads() as reads:
            intent = await store.find(reads, intent_id)
        assert intent is not None
        return intent

    async def intents(self, ids: Sequence[UUID]) -> list[Intent]:
        return [await self.intent(intent_id) for intent_id in ids]
