"""The desk that assesses payments in tests: requests as payments sends them, and what was said about them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from apps.risk.domain.cases import CasePolicy
from apps.risk.domain.rule_sets.baseline import BASELINE
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from apps.risk.handlers.active_rules import ActiveRules
from apps.risk.handlers.assess import Assessor
from apps.risk.handlers.decide_reviews import decide
from apps.risk.handlers.degraded_answers import DegradedAnswers
from apps.risk.handlers.known_denials import KnownDenials
from apps.risk.queries.reviews import list_reviews
from contracts.ids import new_id
from contracts.message import Envelope, Idempotency, Message, Reply, decode, envelope_of
from contracts.risk import Assess, DecideReview, ListReviews, ReviewPage
from outbox.database import Database
from outbox.transaction import Spoken, Transactions

M = TypeVar("M", bound=Message)
REPLY_TO = "risk.decisions.payments"
ANSWER_TO = "gateway.replies.test"
ANALYST = new_id()
POLICY = CasePolicy(10_000, decided_within=timedelta(hours=24), claimed_for=timedelta(hours=1))
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


def again(command: Envelope[M]) -> Envelope[M]:
    """Return the same request under another message id."""
    return command.model_copy(update={"id": new_id()})


def changed(command: Envelope[Assess], **facts: Any) -> Envelope[Assess]:
    """Return a request about a payment that differs in some facts."""
    return command.model_copy(update={"data": command.data.model_copy(update=facts)})


def deciding(
    asked: Envelope[Assess], outcome: str, *, note: str = "Called the customer.", **facts: Any
) -> Envelope[DecideReview]:
    """Return an analyst's command about the payment of a request, as the gateway sends it."""
    key = facts.pop("key", None) or str(new_id())
    command = DecideReview.model_validate(
        {
            "payment_intent_id": asked.data.payment_intent_id,
            "outcome": outcome,
            "decided_by": ANALYST,
            "note": note,
            "idempotency": Idempotency(scope="analyst", key=key, fingerprint=facts.pop("fingerprint", "0" * 64)),
        }
    )
    return envelope_of(DecideReview)(
        **{
            "id": new_id(),
            "source": "/ledgerlink/gateway",
            "type": DecideReview.contract.type,
            "time": datetime.now(UTC),
            "correlationid": "analyst",
            "replyto": ANSWER_TO,
            "data": command,
        }
        | facts
    )


def listing(**asked: Any) -> Envelope[ListReviews]:
    """Return a query for open reviews, as the gateway sends it."""
    return envelope_of(ListReviews)(
        id=new_id(),
        source="/ledgerlink/gateway",
        type=ListReviews.contract.type,
        time=datetime.now(UTC),
        correlationid="analyst",
        data=ListReviews(**asked),
    )


@dataclass
class Desk:
    """Requests in, decisions out."""

    database: Database
    rules: RuleSetDocument = BASELINE
    policy: CasePolicy = POLICY
    replies: dict[UUID, Reply] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.transactions = Transactions(self.database, "risk", self._hear)

    def assessor(self) -> Assessor:
        """Return what decides by the rules of the desk."""
        rules = ActiveRules(self.rules)
        return Assessor(rules, DegradedAnswers(rules, KnownDenials()), self.policy)

    async def _hear(self, spoken: Spoken) -> None:
        """Keep the replies by the command that they answer; no relay runs in these tests."""
        for subject, payload in spoken.replies:
            assert subject == ANSWER_TO
            reply = decode(payload, Reply)
            assert reply.causationid is not None
            self.replies[reply.causationid] = reply.data

    async def assess(self, *commands: Envelope[Assess]) -> list[str]:
        """Hand over a batch; return for each the outcome and the rules that fired: "approve", "decline velocity"."""
        before = len(await self.said())
        async with self.transactions.begin() as tx:
            await self.assessor().assess(tx, commands)
        return [_verdict(envelope["data"]) for _, envelope in (await self.said())[before:]]

    async def decide(self, *commands: Envelope[DecideReview], at: datetime | None = None) -> list[str]:
        """Hand over a batch of analysts' commands, at some time; return for each the outcome and the problem's code."""
        async with self.transactions.begin() as tx:
            tx.now = at or tx.now
            await decide(tx, commands)
        return [_answer(self.replies[command.id]) for command in commands]

    async def reviews(self, **asked: Any) -> ReviewPage:
        """Read a page of the open reviews."""
        return await list_reviews(self.database, listing(**asked))

    async def said(self) -> list[tuple[str, dict[str, Any]]]:
        """Return all that has been said: subject and envelope."""
        rows = await self.database.pool.fetch(_SAID)
        return [(row["subject"], json.loads(row["envelope"])) for row in rows]

    async def count(self, table: str) -> int:
        """Return how many rows a table has."""
        queries = {
            "decision": "SELECT count(*) FROM decision",
            "feature_state": "SELECT count(*) FROM feature_state",
            "review": "SELECT count(*) FROM review",
            "verdict": "SELECT count(*) FROM verdict",
        }
        return int(await self.database.pool.fetchval(queries[table]))


def _answer(reply: Reply) -> str:
    return f"{reply.outcome.value} {reply.problem.code}" if reply.problem else reply.outcome.value


def _verdict(decision: dict[str, Any]) -> str:
    return " ".join([decision["outcome"], *(rule["name"] for rule in decision["rules"])])
