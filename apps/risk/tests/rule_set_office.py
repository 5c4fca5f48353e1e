"""Where rule sets are changed in tests: commands in, replies and events out."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apps.risk.domain.rule_sets.baseline import BASELINE
from apps.risk.handlers.backtests import change_backtests
from apps.risk.handlers.rule_sets import change_rule_sets, install_baseline
from contracts.ids import new_id
from contracts.message import Envelope, Idempotency, Message, Reply, decode, envelope_of
from contracts.risk import ActivateRuleSet, ApproveRuleSet, CancelBacktest, DraftRuleSet, ShadowRuleSet, StartBacktest
from outbox.database import Database
from outbox.transaction import Spoken, Transactions

ADA, BOB = new_id(), new_id()
_SAID = "SELECT subject FROM outbox ORDER BY position"


def document(name: str = "strict", when: str = "amount > 20 * unit", **changed: Any) -> str:
    """Return a rule set that blocks large payments."""
    rule = {"name": "large", "when": when, "action": "block", "code": "large", "reason": "{amount:money} is too much."}
    return json.dumps({"name": name, "rules": [rule]} | changed)


def idempotency() -> Idempotency:
    """Return a fresh key."""
    return Idempotency(scope="test", key=str(new_id()), fingerprint="0" * 64)


def envelope(data: Message) -> Envelope[Any]:
    """Return a message as the gateway sends it."""
    return envelope_of(type(data))(
        id=new_id(),
        source="/ledgerlink/gateway",
        type=data.contract.type,
        time=datetime.now(UTC),
        correlationid="rules",
        replyto="gateway.replies.test",
        data=data,
    )


@dataclass
class Office:
    """Commands in; replies and events out."""

    database: Database
    replies: dict[UUID, Reply] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.transactions = Transactions(self.database, "risk", self._hear)

    async def _hear(self, spoken: Spoken) -> None:
        for _, payload in spoken.replies:
            reply = decode(payload, Reply)
            assert reply.causationid is not None
            self.replies[reply.causationid] = reply.data

    async def ask(self, data: Message) -> Reply:
        """Hand over a command; return the reply."""
        command = envelope(data)
        handle = change_backtests if isinstance(data, StartBacktest | CancelBacktest) else change_rule_sets
        async with self.transactions.begin() as tx:
            await handle(tx, [command])
        return self.replies[command.id]

    async def do(self, data: Message) -> str:
        """Hand over a command; return "completed", or the code of its refusal."""
        reply = await self.ask(data)
        return reply.problem.code if reply.problem else reply.outcome.value

    async def install(self) -> None:
        """Start for the first time, or again."""
        await install_baseline(self.transactions, BASELINE)

    async def draft(self, text: str) -> str:
        """Draft a rule set, which has to be one; return its hash."""
        reply = await self.ask(DraftRuleSet(document=text, author=ADA, idempotency=idempotency()))
        assert reply.problem is None, reply.problem
        return str(reply.resource["hash"])

    async def propose(self, rule_set: str) -> str:
        """Put it in shadow."""
        return await self.do(ShadowRuleSet(rule_set=rule_set, by=ADA, idempotency=idempotency()))

    async def make_active(self, text: str) -> str:
        """Take a rule set all the way; return its hash."""
        name = await self.draft(text)
        assert await self.propose(name) == "completed"
        for step in (ApproveRuleSet, ActivateRuleSet):
            assert await self.do(step(rule_set=name, by=BOB, idempotency=idempotency())) == "completed"
        return name

    async def backtest(self, rule_set: str, limit: int = 1_000) -> Reply:
        """Ask for a backtest over the last days."""
        now = datetime.now(UTC)
        since, until = now - timedelta(days=2), now + timedelta(days=1)
        return await self.ask(
            StartBacktest(rule_set=rule_set, by=ADA, since=since, until=until, limit=limit, idempotency=idempotency())
        )

    async def said(self) -> list[str]:
        """Return the subjects of all that was said."""
        return [row["subject"].rpartition("rule_set.")[2] for row in await self.database.pool.fetch(_SAID)]
