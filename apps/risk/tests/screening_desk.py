"""The desk where people are screened in tests: lists, customers as identity knows them, analysts' commands."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import asyncpg

from apps.risk.domain.assessing import Assessment
from apps.risk.domain.features.computing import Context
from apps.risk.domain.features.entities import Subject
from apps.risk.handlers.contexts import load_contexts
from apps.risk.handlers.listed_names import ListedNames
from apps.risk.handlers.lists import change_lists
from apps.risk.handlers.screen_beneficiaries import BeneficiaryScreening
from apps.risk.handlers.screen_customers import CustomerScreening, note_registered
from apps.risk.handlers.screenings import decide
from apps.risk.tests.desk import ANALYST, POLICY
from contracts.identity import GetScreeningSubjects, ScreeningSubject, ScreeningSubjects
from contracts.ids import new_id
from contracts.message import Envelope, Idempotency, Message, Reply, decode, envelope_of
from contracts.risk import (
    AddListEntry,
    DecideScreening,
    RemoveListEntry,
    SanctionsList,
    SanctionsSource,
    ScreeningOutcome,
)
from ops.risk_lists import import_list
from outbox.database import Database
from outbox.requester import NoAnswerError, Requester
from outbox.transaction import Spoken, Transactions

_SAID = "SELECT subject, envelope::text AS envelope FROM outbox ORDER BY position"


def enveloped(data: Message) -> Envelope[Any]:
    return envelope_of(type(data))(
        id=new_id(),
        source="/ledgerlink/gateway",
        type=data.contract.type,
        time=datetime.now(UTC),
        correlationid="screening",
        replyto="gateway.replies.test",
        data=data,
    )


def _idempotency() -> Idempotency:
    return Idempotency(scope="analyst", key=str(new_id()), fingerprint="0" * 64)


def listing(**asked: Any) -> Envelope[Any]:
    known = {"list": "deny", "kind": "country", "value": "KP", "owner": ANALYST, "reason": "Why", "added_by": ANALYST}
    return enveloped(AddListEntry.model_validate(known | asked | {"idempotency": _idempotency()}))


def removing(entry: UUID) -> Envelope[Any]:
    return enveloped(RemoveListEntry(entry_id=entry, removed_by=ANALYST, reason="Gone", idempotency=_idempotency()))


def deciding(screening: UUID, outcome: ScreeningOutcome, by: UUID = ANALYST) -> Envelope[Any]:
    return enveloped(
        DecideScreening(
            screening_id=screening, outcome=outcome, decided_by=by, reason="Looked at it", idempotency=_idempotency()
        )
    )


@dataclass
class ScriptedIdentity:
    """Answers as identity does, from what the test says."""

    people: dict[UUID, tuple[str | None, date | None]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    is_away: bool = False

    async def ask(self, question: GetScreeningSubjects, _answer: type[ScreeningSubjects]) -> ScreeningSubjects:
        if self.is_away:
            raise NoAnswerError("identity is away")
        self.asked.append(len(question.users))
        known = ((user, *self.people[user]) for user in question.users if user in self.people)
        return ScreeningSubjects(subjects=[ScreeningSubject(user=u, name=n, birth_date=b) for u, n, b in known])


@dataclass
class ScreeningDesk:
    """Lists and people in; standings, matches and events out."""

    database: Database
    url: str
    owner_url: str
    identity: ScriptedIdentity = field(default_factory=ScriptedIdentity)
    names: ListedNames = field(default_factory=ListedNames)
    replies: dict[UUID, Reply] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.transactions = Transactions(self.database, "risk", self._hear)
        self.requester = cast("Requester", self.identity)
        self.worker = CustomerScreening(self.database, self.transactions, self.requester, self.names, POLICY)

    async def _hear(self, spoken: Spoken) -> None:
        for _, payload in spoken.replies:
            reply = decode(payload, Reply)
            assert reply.causationid is not None
            self.replies[reply.causationid] = reply.data

    async def bring(self, path: Path, source: SanctionsSource) -> SanctionsList:
        """Import a list as the operator's command does, and read it."""
        kept = await import_list(self.url, path, source)
        await self.names.refresh(self.database)
        return kept

    async def register(self, name: str | None, birth_date: date | None = None) -> UUID:
        """Let somebody register who has told identity this."""
        user = new_id()
        self.identity.people[user] = (name, birth_date)
        async with self.transactions.begin() as tx:
            await note_registered(tx, [user])
        return user

    async def screen(self) -> None:
        """Screen until nobody is due."""
        while await self.worker.screen_some():
            pass

    async def context(self, **asked: Any) -> Context:
        """Return what rules see of a payment, where the process has read these names."""
        beneficiary, names = asked.pop("beneficiary", None), asked.pop("names", self.names)
        facts: dict[str, Any] = {"assessment_id": new_id(), "payer": new_id(), "amount": 100, "currency": "EUR"}
        subject = Subject(**(facts | {"asked_at": datetime.now(UTC)} | asked))
        assessment = Assessment(subject, new_id(), "risk.decisions.payments", beneficiary=beneficiary)
        screening = BeneficiaryScreening(names, POLICY)
        async with self.transactions.begin() as tx:
            return (await load_contexts(tx, [assessment], screening.screen))[assessment.id]

    async def change_lists(self, *commands: Envelope[Any]) -> list[str]:
        """Hand over commands; return for each "completed", or the code of its refusal."""
        async with self.transactions.begin() as tx:
            await change_lists(tx, commands)
        return self._answers(commands)

    async def decide(self, *commands: Envelope[Any]) -> list[str]:
        """Hand over decisions; return for each "completed", or the code of its refusal."""
        async with self.transactions.begin() as tx:
            await decide(tx, commands)
        return self._answers(commands)

    def _answers(self, commands: Iterable[Envelope[Any]]) -> list[str]:
        answers = [self.replies[command.id] for command in commands]
        return [answer.problem.code if answer.problem else answer.outcome.value for answer in answers]

    async def said(self, subject: str) -> list[dict[str, Any]]:
        """Return what was said on a subject."""
        rows = await self.database.pool.fetch(_SAID)
        return [json.loads(row["envelope"])["data"] for row in rows if row["subject"] == subject]

    async def rows(self, table: str) -> list[Any]:
        """Return all that a table has, as text."""
        queries = {
            "screening": "SELECT s::text FROM screening s",
            "customer_screening": "SELECT c::text FROM customer_screening c",
            "outbox": "SELECT o::text FROM outbox o",
            "risk_case": "SELECT c::text FROM risk_case c",
            "case_event": "SELECT e::text FROM case_event e",
        }
        return await self.database.pool.fetch(queries[table])

    async def count_parties(self) -> int:
        """Return how many parties are listed."""
        return int(await self.database.pool.fetchval("SELECT count(*) FROM listed_party"))

    async def age_entries(self, by: timedelta) -> None:
        """Let all list entries have been added so much earlier, and expire so; only their owner can do that."""
        connection = await asyncpg.connect(self.owner_url)
        try:
            await connection.execute(
                "UPDATE list_entry SET added_at = added_at - $1::interval, expires_at = expires_at - $1::interval", by
            )
        finally:
            await connection.close()
