"""A payments room without a broker: handlers on a real database, and all that leaves it, to look at."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from apps.payments.domain.deciding import Ignored, Step, Terms
from apps.payments.domain.disputes import Dispute
from apps.payments.domain.intents import Intent
from apps.payments.domain.operations import Operation
from apps.payments.domain.refunds import Refund
from apps.payments.domain.routing import Routing, Rule
from apps.payments.domain.signals import Signal
from apps.payments.handlers import sweeps
from apps.payments.handlers.hear_ledger import hear_ledger
from apps.payments.handlers.hear_risk import hear_risk
from apps.payments.handlers.signals import apply_signals
from apps.payments.handlers.take_commands import take_commands
from apps.payments.store import disputes, intents, operations, refunds
from contracts.message import Envelope, Message, Problem, Reply, decode
from contracts.payments import MethodType
from contracts.risk import Assess
from contracts.topology import durable
from contracts.wallet import PostTransfer
from outbox.consumer import Handler
from outbox.database import Database
from outbox.transaction import Spoken, Transactions

M = TypeVar("M", bound=Message)
RISK_DEADLINE = timedelta(seconds=60)
PROCESSORS = ("sandbox", "sandbox_backup")
_BOTH = frozenset({MethodType.CARD, MethodType.BANK})
ROUTING = Routing([Rule(PROCESSORS)], dict.fromkeys(PROCESSORS, _BOTH))
TERMS = Terms(routing=ROUTING, risk_wait=RISK_DEADLINE)
_CONSUMERS: dict[str, Handler] = {
    "payments-commands": partial(take_commands, terms=TERMS),
    "payments-risk-decision": partial(hear_risk, terms=TERMS),
    "payments-ledger-outcome": partial(hear_ledger, terms=TERMS),
}
HANDLERS: dict[type[Message], tuple[str, Handler]] = {
    message: (name, handler) for name, handler in _CONSUMERS.items() for message in durable(name).messages
}


class Room:
    """Delivers messages to the room's handlers, each call as one batch, with the inbox in front as in the service."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.replies: list[Envelope[Reply]] = []
        self.wakes: set[str] = set()
        self.transactions = Transactions(database, "payments", self._hear)

    async def _hear(self, spoken: Spoken) -> None:
        self.replies += [decode(payload, Reply) for _, payload in spoken.replies]
        self.wakes |= spoken.wakes

    async def deliver(self, *batch: Envelope[Any]) -> list[Reply]:
        """Deliver one batch of messages of one durable; return the replies that it caused."""
        heard = len(self.replies)
        consumer, handler = HANDLERS[type(batch[0].data)]
        async with self.transactions.begin() as tx:
            new = await tx.take_new(consumer, [envelope.id for envelope in batch])
            once = {envelope.id: envelope for envelope in batch if envelope.id in new}
            await handler(tx, list(once.values()))
        return [reply.data for reply in self.replies[heard:]]

    async def apply(self, *signals: Signal) -> list[Step | Problem | Ignored]:
        """Give signals to the machine, as the workers do."""
        async with self.transactions.begin() as tx:
            return await apply_signals(tx, signals, terms=TERMS)

    async def sweep(self) -> list[Reply]:
        heard = len(self.replies)
        async with self.transactions.begin() as tx:
            await sweeps.end_waits(tx, terms=TERMS)
        return [reply.data for reply in self.replies[heard:]]

    async def ask_again(self) -> None:
        async with self.transactions.begin() as tx:
            await sweeps.ask_ledger_again(tx)

    async def said(self, message: type[M]) -> list[Envelope[M]]:
        """All messages of a type in the outbox, in order."""
        async with self.database.reads() as reads:
            rows = await reads.fetch("SELECT envelope::text FROM outbox ORDER BY position")
        texts = [row["envelope"].encode() for row in rows]
        return [
            decode(text, message) for text in texts if Envelope.model_validate_json(text).type == message.contract.type
        ]

    async def last(self, message: type[M]) -> M:
        """The newest message of a type in the outbox."""
        return (await self.said(message))[-1].data

    async def assessment(self, intent_id: UUID) -> Assess:
        """What risk was last asked about an intent."""
        return [said.data for said in await self.said(Assess) if said.data.payment_intent_id == intent_id][-1]

    async def post(self, intent_id: UUID) -> PostTransfer:
        """What the ledger was last asked for an intent."""
        return [said.data for said in await self.said(PostTransfer) if said.data.reference == intent_id][-1]

    async def intent(self, intent_id: UUID) -> Intent:
        async with self.database.reads() as reads:
            intent = await intents.find(reads, intent_id)
        assert intent is not None
        return intent

    async def intents(self, ids: Sequence[UUID]) -> list[Intent]:
        return [await self.intent(intent_id) for intent_id in ids]

    async def refund(self, refund_id: UUID) -> Refund:
        async with self.database.reads() as reads:
            refund = await refunds.find(reads, refund_id)
        assert refund is not None
        return refund

    async def dispute(self, dispute_id: UUID) -> Dispute:
        async with self.database.reads() as reads:
            dispute = await disputes.find(reads, dispute_id)
        assert dispute is not None
        return dispute

    async def unsettled(self, intent_id: UUID) -> list[Operation]:
        async with self.transactions.begin() as tx:
            return await operations.load_unsettled(tx, [intent_id])

    async def hops(self, intent_id: UUID) -> list[tuple[str, str, str | None]]:
        """Trigger, state and event of each hop, in order."""
        async with self.database.reads() as reads:
            rows = await reads.fetch("SELECT * FROM hop WHERE intent_id = $1 ORDER BY number", intent_id)
        assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
        return [(row["trigger"], row["state"], row["event"]) for row in rows]
