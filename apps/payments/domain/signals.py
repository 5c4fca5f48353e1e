"""What the machine is told: clients' wishes, and the word of risk, ledger, processors and clock."""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from apps.payments.domain.processing import DisputeNews, Result
from contracts.message import Problem
from contracts.payments import (
    CancelPaymentIntent,
    CapturePaymentIntent,
    ConfirmPaymentIntent,
    CreatePaymentIntent,
    CreateRefund,
    SettleOperation,
    SubmitEvidence,
    UpdatePaymentIntent,
)
from contracts.risk import RiskOutcome

WishCommand: TypeAlias = (
    CreatePaymentIntent
    | UpdatePaymentIntent
    | ConfirmPaymentIntent
    | CapturePaymentIntent
    | CancelPaymentIntent
    | CreateRefund
    | SubmitEvidence
    | SettleOperation
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A client's or an operator's command; `asked_by` is its address as JSON, to answer in the end."""

    command: WishCommand
    asked_by: str


@dataclass(frozen=True, slots=True)
class RiskWord:
    """What risk says of an assessment; `problem` why it declines.

    A degraded one was answered by policy because the deadline was near; the decision itself follows.
    """

    intent_id: UUID
    assessment_id: UUID
    outcome: RiskOutcome
    problem: Problem | None = None
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class LedgerResult:
    """The ledger has carried an operation out, or has refused it with `problem`.

    `reference` is what it was asked for, where the ledger tells: the operation's subject, or it is not ours.
    """

    operation_id: UUID
    problem: Problem | None = None
    reference: UUID | None = None


@dataclass(frozen=True, slots=True)
class HoldEnded:
    """A hold reserves nothing any more: given back, or its time is over. `reference` is what it was placed for."""

    reference: UUID
    hold_id: UUID


@dataclass(frozen=True, slots=True)
class OperationResult:
    """What a processor says of an operation: its answer, its answer when asked again, or a webhook."""

    operation_id: UUID
    result: Result


@dataclass(frozen=True, slots=True)
class DisputeWord:
    """What a processor says of a dispute of a payment; whoever has the webhook finds the intent by `news.parent`."""

    intent_id: UUID
    processor: str
    news: DisputeNews


@dataclass(frozen=True, slots=True)
class Timeout:
    """A payment's wait is over: its `deadline_at` has passed."""

    intent_id: UUID


Signal: TypeAlias = Wish | RiskWord | LedgerResult | HoldEnded | OperationResult | DisputeWord | Timeout
