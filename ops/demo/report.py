"""What a demo found out, as one document: `--json` prints it, the tables are drawn from it. Amounts are minor units."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, computed_field

from ledgerlink_client.models.payments import PaymentStatus
from ledgerlink_client.models.resource import Known
from ledgerlink_client.models.wallets import Wallet


class Person(BaseModel):
    """A customer with a wallet, as it stands at the end."""

    name: str
    email: str
    wallet: Wallet


class HopLine(BaseModel):
    """One message of a payment's way: a command, decision or event; milliseconds since the HTTP request was sent."""

    message: str
    kind: str
    said_by: str
    said_at_ms: float
    taken_by: str | None
    taken_at_ms: float | None


class Payment(BaseModel):
    """A payment: what the client got, after how long, and every hop in between."""

    payment_intent_id: UUID
    amount: int
    currency: str
    idempotency_key: str
    correlation_id: str
    http_status: int
    status: Known[PaymentStatus]
    transfer_id: UUID | None
    answered_after_ms: float
    hops: list[HopLine]


class Decline(BaseModel):
    """The payment that a risk rule declined: the problem document's code and reason."""

    payment_intent_id: UUID
    amount: int
    currency: str
    http_status: int
    status: Known[PaymentStatus]
    code: str
    detail: str
    answered_after_ms: float


class Repetition(BaseModel):
    """The payment, sent once more with the same Idempotency-Key."""

    payment_intent_id: UUID
    http_status: int
    same_answer: bool
    entries_before: int
    entries_after: int
    answered_after_ms: float


StepName = Literal["authorise", "capture", "refund", "decline"]


class CardStep(BaseModel):
    """One step with a card; `outcome` is the status that it led to, or why it was declined."""

    step: StepName
    amount: int
    currency: str
    http_status: int
    outcome: str
    answered_after_ms: float


class WebhookLine(BaseModel):
    """One event that came to Grace's own server, `arrived_after_ms` after it happened; `verified` is its signature."""

    type: str
    payment_intent_id: UUID
    arrived_after_ms: float
    verified: bool


class EntryLine(BaseModel):
    """One ledger entry: positive credits the account, negative debits it."""

    sequence: int
    account: str
    amount: int
    balance_after: int
    currency: str
    transfer_id: UUID
    what: str


class Check(BaseModel):
    """One claim about the books, whether it holds, and what was found."""

    claim: str
    holds: bool
    found: str


class DemoReport(BaseModel):
    """All of it. `first_payment` found every process cold; `payment` came right after it.

    `started_after_seconds` is None where everything ran already.
    """

    started_after_seconds: float | None
    people: list[Person]
    first_payment: Payment
    payment: Payment
    decline: Decline
    repetition: Repetition
    card: list[CardStep]
    webhooks: list[WebhookLine]
    ledger: list[EntryLine]
    proof: list[Check]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def proven(self) -> bool:
        """Whether every claim holds."""
        return all(check.holds for check in self.proof)
