"""What a payment has asked of the ledger or of a processor, and how it stands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from apps.payments.domain.asking_again import LEASE
from apps.payments.domain.processing import Call, Result, ResultStatus, Verb
from contracts.message import Problem


class OperationStatus(StrEnum):
    """How an operation stands; `succeeded` and `failed` are settled.

    pending: asked, and they will say more. unknown: it may or may not have happened. requires_action: the customer has
    to do something. attention: nobody could find out for days, or something else was approved than was asked for.
    """

    PENDING = "pending"
    UNKNOWN = "unknown"
    REQUIRES_ACTION = "requires_action"
    ATTENTION = "attention"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Operation:
    """One ask, under the id by which they know it: the transfer, hold or journal, or the processor's idempotency key.

    `subject_id` is the intent, or the refund or dispute of it, that it is for: each has at most one unsettled operation
    in the ledger and one at a processor. `asked` is JSON: of the ledger the command as it was said, of a processor what
    `call_of` reads. `next_at` is when a worker has to act; None is nobody's turn. `tries` counts how often it was tried
    or asked about. `leased_by` is the worker that has it in hand.
    """

    id: UUID
    intent_id: UUID
    subject_id: UUID
    verb: Verb
    processor: str | None
    amount: int
    asked: str
    asked_at: datetime
    reference: str | None = None
    status: OperationStatus = OperationStatus.PENDING
    problem: Problem | None = None
    tries: int = 0
    next_at: datetime | None = None
    leased_by: UUID | None = None
    settled_at: datetime | None = None

    @property
    def in_ledger(self) -> bool:
        """Whether it is the ledger's."""
        return self.processor is None

    @property
    def in_doubt(self) -> bool:
        """Whether nobody knows what became of it, so that an operator may say it."""
        return self.status in (OperationStatus.UNKNOWN, OperationStatus.ATTENTION)

    def in_hand(self, now: datetime) -> bool:
        """Tell whether a worker may be asking for it or about it right now."""
        return self.leased_by is not None and self.next_at is not None and self.next_at <= now + LEASE

    @property
    def details(self) -> Mapping[str, Any]:
        """What was asked, parsed."""
        details: dict[str, Any] = json.loads(self.asked)
        return details


def call_of(operation: Operation) -> Call:
    """Return what to ask of the operation's processor."""
    asked = operation.details
    return Call(
        operation_id=operation.id,
        verb=operation.verb,
        amount=operation.amount,
        currency=asked["currency"],
        method=asked.get("method", {}),
        parent=asked.get("parent"),
        statement_descriptor=asked.get("statement_descriptor"),
        return_url=asked.get("return_url"),
        evidence=asked.get("evidence", {}),
        metadata=asked.get("metadata", {}),
        final=asked.get("final", True),
    )


def settled(operation: Operation, now: datetime, problem: Problem | None = None) -> Operation:
    """Return the operation after its end: it failed when there is a problem."""
    status = OperationStatus.FAILED if problem else OperationStatus.SUCCEEDED
    return replace(operation, status=status, problem=problem, settled_at=now, next_at=None, leased_by=None)


_COMES_BACK = frozenset({Verb.CHARGE, Verb.REFUND, Verb.PAYOUT})
"""What a bank may undo after it was done. An authorisation that ends later is not undone: its captures are declined."""
_MOVES_MONEY = _COMES_BACK | {Verb.AUTHORISE, Verb.CAPTURE}


def contradicts(verb: Verb, status: OperationStatus, said: ResultStatus, *, by_hand: bool = False) -> bool:
    """Tell whether what is said of a settled operation means that money is where we do not have it.

    What an operator settled `by_hand` the processor itself had never said: there any other word is one.
    """
    match status, said:
        case OperationStatus.FAILED, ResultStatus.APPROVED:
            return by_hand or verb in _MOVES_MONEY
        case OperationStatus.SUCCEEDED, ResultStatus.DECLINED:
            return by_hand or verb in _COMES_BACK
        case OperationStatus.SUCCEEDED, ResultStatus.FAILED:
            return by_hand
        case _:
            return False


def approves_something_else(verb: Verb, amount: int, currency: str, said: Result) -> bool:
    """Tell whether a processor approved another amount or currency than an operation asked for."""
    if verb not in _MOVES_MONEY or said.status is not ResultStatus.APPROVED:
        return False
    return said.amount not in (None, amount) or said.currency not in (None, currency)
