"""What is known of a life, as one document: `--json` prints it, the tree is drawn from it. Amounts are minor units."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from contracts.payments import Hop, PaymentStatus
from contracts.risk import DecisionRecord
from contracts.wallet import Effects


class Taken(BaseModel):
    """A consumer has handled the message; its transaction began to record it at `at`."""

    service: str
    consumer: str
    at: datetime


class Dead(BaseModel):
    """A consumer gave the message up."""

    consumer: str
    at: datetime
    reason: str


class MessageLine(BaseModel):
    """One message: `cause` is the message that it follows from; `waiting` are consumers that have not handled it."""

    id: UUID
    cause: UUID | None
    correlation_id: str
    message: str
    kind: str
    said_by: str
    said_at: datetime
    taken: list[Taken]
    dead: list[Dead]
    waiting: list[str]


class PaymentLife(BaseModel):
    """A payment: where it stands, what has happened to it, what risk decided, and what the ledger has of it."""

    id: UUID
    direction: str
    amount: int
    currency: str
    state: str
    status: PaymentStatus
    customer: UUID
    timeline: list[Hop]
    decisions: list[DecisionRecord]
    ledger: Effects


class Trace(BaseModel):
    """What an id leads to: `named` tells what it is the id of."""

    id: str
    named: str
    payment: PaymentLife | None
    messages: list[MessageLine]
