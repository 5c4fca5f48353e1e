"""The desk that assesses payments in tests: requests as payments sends them, and what was said about them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apps.risk.domain.rules import Limits, rule_set
from apps.risk.handlers.assess import assess
from contracts.ids import new_id
from contracts.message import Envelope
from contracts.risk import Assess
from outbox.database import Database
from outbox.transaction import Spoken, Transactions

REPLY_TO = "risk.decisions.payments"
_SAID = "SELECT subject, envelope::text AS envelope FROM outbox ORDER BY position"


def request(
    payer: UUID, amount: int, *, currency: str = "EUR", at: datetime | None = None, replyto: str | None = REPLY_TO
) -> Envelope[Assess]:
    """Return a request to assess a payment."""
    asked = Assess(
        assessment_id=new_id(),
        payment_intent_id=new_id(),
        payer=payer,
        source_wallet=new_id(),
        destination_wallet=new_id(),
        amount=amount,
        currency=currency,
    )
    return Envelope[Assess](
        id=new_id(),
        source="/ledgerlink/payments",
        type=Assess.contract.type,
        time=at or datetime.now(UTC),
        correlationid="test",
        replyto=replyto,
        data=asked,
    )


def again(command: Envelope[Assess]) -> Envelope[Assess]:
    """Return the same request under another message id."""
    return command.model_copy(update={"id": new_id()})


@dataclass
class Desk:
    """Requests in, decisions out."""

    database: Database
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.transactions = Transactions(self.database, "risk", self._hear)

    async def _hear(self, _spoken: Spoken) -> None:
        """No relay runs in these tests."""

    async def assess(self, *commands: Envelope[Assess]) -> list[str]:
        """Hand over a batch; return for each the outcome and the rules that fired: "approve", "decline velocity"."""
        before = len(await self.said())
        async with self.transactions.begin() as tx:
            await assess(rule_set(self.limits), tx, commands)
        return [_verdict(envelope["data"]) for _, envelope in (await self.said())[before:]]

    async def said(self) -> list[tuple[str, dict[str, Any]]]:
        """Return all that has been said: subject and envelope."""
        rows = await self.database.pool.fetch(_SAID)
        return [(row["subject"], json.loads(row["envelope"])) for row in rows]

    async def count(self, table: str) -> int:
        """Return how many rows a table has."""
        queries = {"decision": "SELECT count(*) FROM decision", "payer_minute": "SELECT count(*) FROM payer_minute"}
        return int(await self.database.pool.fetchval(queries[table]))


def _verdict(decision: dict[str, Any]) -> str:
    return " ".join([decision["outcome"], *(rule["name"] for rule in decision["rules"])])
