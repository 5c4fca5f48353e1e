"""Payments in the middle of an operation at a processor, straight in the database, and what becomes of them there."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from apps.payments.domain.processing import Call, DisputeNews, OperationNews, ProcessorEvent, Result, ResultStatus, Verb
from apps.payments.domain.signals import OperationResult, Signal
from contracts.ids import new_id
from outbox.database import Database
from outbox.transaction import Request, Spoken, Transaction, Transactions

_INTENT = """
INSERT INTO payment_intent
      (id, customer, merchant, destination_wallet, method, amount, currency, state, attempt, assessment_id, transfer_id,
       asked_by, processor, created_at, updated_at)
VALUES ($1, $2, $3, $4, '{"type": "card", "token": "tok_visa"}', 1250, 'EUR', 'authorising', 1, $5, $6, $9, $7, $8,
        $8)
"""
_OPERATION = """
INSERT INTO operation (id, intent_id, subject_id, verb, processor, reference, amount, asked, status, asked_at, next_at)
VALUES ($1, $2, $3, $4, $5, $6, 1250, $7, 'pending', $8, $8)
"""
_SETTLE = """
UPDATE operation SET status = $2, reference = coalesce($3, reference), settled_at = $4, next_at = NULL, leased_by = NULL
WHERE id = $1 AND settled_at IS NULL
"""
_MAKE_DUE = "UPDATE operation SET next_at = $2 WHERE id = ANY ($1::uuid[]) AND settled_at IS NULL"
_FINAL = {
    ResultStatus.APPROVED: "succeeded",
    ResultStatus.DECLINED: "failed",
    ResultStatus.FAILED: "failed",
}
VISA = "tok_visa"
APPROVED = Result(ResultStatus.APPROVED, "ref_1")
UNKNOWN = Result(ResultStatus.UNKNOWN)


@dataclass
class Heard:
    """Stands for the machine: notes the signals, and settles what has a final result."""

    signals: list[Signal] = field(default_factory=list)
    failing: set[UUID] = field(default_factory=set)

    async def __call__(self, tx: Transaction, signals: Sequence[Signal]) -> Sequence[object]:
        for signal in signals:
            if isinstance(signal, OperationResult):
                if signal.operation_id in self.failing:
                    raise RuntimeError("a mistake in the machine")
                if status := _FINAL.get(signal.result.status):
                    await tx.execute(_SETTLE, signal.operation_id, status, signal.result.reference, tx.now)
        self.signals.extend(signals)
        return [None] * len(signals)

    def results(self, operation_id: UUID) -> list[ResultStatus]:
        return [
            s.result.status for s in self.signals if isinstance(s, OperationResult) and s.operation_id == operation_id
        ]


class Spoke:
    """What transactions have left to do after their commits."""

    def __init__(self, database: Database) -> None:
        self.spoken: list[Spoken] = []
        self.transactions = Transactions(database, "payments", self._speak)

    async def _speak(self, spoken: Spoken) -> None:
        self.spoken.append(spoken)

    @property
    def wakes(self) -> set[str]:
        return set().union(*(spoken.wakes for spoken in self.spoken))

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(said.envelope) for spoken in self.spoken for _, said in spoken.said]


@dataclass
class FakeProcessor:
    """Does what a test tells it, and notes the order of calls."""

    name: str = "sandbox"
    executes: list[Result | Exception] = field(default_factory=list)
    queries: list[Result | Exception] = field(default_factory=list)
    calls: list[tuple[str, UUID]] = field(default_factory=list)
    closed: bool = False

    async def execute(self, call: Call) -> Result:
        self.calls.append(("execute", call.operation_id))
        return _next(self.executes)

    async def query(self, call: Call, reference: str | None) -> Result:  # noqa: ARG002 - the port's
        self.calls.append(("query", call.operation_id))
        return _next(self.queries)

    def event_of(self, headers: Any, body: bytes) -> ProcessorEvent:
        raise NotImplementedError

    async def close(self) -> None:
        self.closed = True


def _next(results: list[Result | Exception]) -> Result:
    result = results.pop(0) if len(results) > 1 else results[0]
    if isinstance(result, Exception):
        raise result
    return result


async def insert_operation(
    database: Database,
    verb: Verb = Verb.CHARGE,
    *,
    processor: str = "sandbox",
    reference: str | None = None,
    token: str = VISA,
) -> UUID:
    """A payment whose operation is due now."""
    intent, operation, now = new_id(), new_id(), datetime.now(UTC)
    ids = [new_id() for _ in range(5)]
    asked: dict[str, Any] = {"currency": "EUR", "method": {"type": "card", "token": token}}
    if verb not in {Verb.CHARGE, Verb.AUTHORISE, Verb.PAYOUT}:
        asked = {"currency": "EUR", "parent": "sbx_parent"}
    asked_by = Request(id=new_id(), correlationid="order-7").model_dump_json(exclude_none=True)
    await database.pool.execute(_INTENT, intent, *ids, processor, now, asked_by)
    row = (operation, intent, intent, verb.value, processor, reference, json.dumps(asked), now)
    await database.pool.execute(_OPERATION, *row)
    return operation


async def row_of(database: Database, operation: UUID) -> asyncpg.Record:
    row = await database.pool.fetchrow("SELECT * FROM operation WHERE id = $1", operation)
    assert row
    return row


async def due_in(database: Database, operation: UUID) -> float:
    """Seconds until the operation is due again."""
    next_at: datetime = (await row_of(database, operation))["next_at"]
    return (next_at - datetime.now(UTC)).total_seconds()


async def make_due(database: Database, *operations: UUID) -> None:
    """Let time pass until the operations are due, as far as they are not settled."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    await database.pool.execute(_MAKE_DUE, list(operations), past)


def operation_news(operation: UUID | None, result: Result = APPROVED, reference: str | None = None) -> OperationNews:
    return OperationNews(reference or result.reference, operation, result)


def dispute_news(parent: str, status: str = "needs_response", reference: str = "dp_1") -> DisputeNews:
    return DisputeNews(reference, parent, 1250, "EUR", "fraudulent", status)
