"""What is asked of a processor and what it says, in words that all processors share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from contracts.message import Problem


class Verb(StrEnum):
    """What a payment asks of the ledger (the first four) or of a processor."""

    POST = "post"
    HOLD = "hold"
    CAPTURE_HOLD = "capture_hold"
    VOID_HOLD = "void_hold"
    CHARGE = "charge"
    AUTHORISE = "authorise"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    PAYOUT = "payout"
    EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class Call:
    """One operation at a processor. `operation_id` is its idempotency key there: the same one has one effect.

    `method` is the payment method's type and token. `parent` is the processor's own reference of what a capture, void,
    refund or evidence is about. `void` makes sure that nothing more is taken, also of what was charged meanwhile.
    `final` is for a capture: what then remains of the authorisation is released.
    """

    operation_id: UUID
    verb: Verb
    amount: int
    currency: str
    method: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    statement_descriptor: str | None = None
    return_url: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    final: bool = True


class ResultStatus(StrEnum):
    """How a call ended.

    approved, declined: final; the processor said so. requires_action: the customer has to do something first.
    pending: the processor has it and will say more. failed: it certainly had no effect, for a technical reason; another
    processor may be tried. not_found: asked about an operation that the processor never saw; it may be called again.
    unknown: it may or may not have happened; only asking again can tell.
    """

    APPROVED = "approved"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"
    FAILED = "failed"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Result:
    """What a processor says of an operation. `reference` is its own name for it; `problem` why it was declined.

    `amount` and `currency` are what it approved, where it says so.
    """

    status: ResultStatus
    reference: str | None = None
    problem: Problem | None = None
    action_url: str | None = None
    amount: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class OperationNews:
    """A webhook's word about one of our operations; `operation_id` is ours, where the processor repeats it."""

    reference: str | None
    operation_id: UUID | None
    result: Result


@dataclass(frozen=True, slots=True)
class DisputeNews:
    """A webhook's word about a dispute: how it stands as a whole, so that the newest word replaces all others."""

    reference: str
    parent: str
    amount: int
    currency: str
    reason: str
    status: str
    evidence_due_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProcessorEvent:
    """A verified webhook. `news` is None for what does not concern us, which is kept and ignored."""

    event_id: str
    kind: str
    news: OperationNews | DisputeNews | None
