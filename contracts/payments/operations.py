"""Operations at processors: how each stands, and what an operator says of one whose outcome nobody could find out."""

from enum import StrEnum
from typing import Annotated

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, Problem, command, query
from contracts.money import Amount, Currency
from contracts.payments.intents import PAGE_LIMIT
from contracts.payments.methods import ProcessorName

ProcessorReference = Annotated[str, Field(pattern="^[!-~]{1,255}$", examples=["ch_3PxYz"])]
"""A processor's own name for an operation."""
SettlementNote = Annotated[
    str, Field(min_length=1, max_length=500, pattern="^[^\x00]*$", examples=["Found in the processor's dashboard"])
]


class ProcessorVerb(StrEnum):
    """What a processor is asked for."""

    CHARGE = "charge"
    AUTHORISE = "authorise"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    PAYOUT = "payout"
    EVIDENCE = "evidence"


class ProcessorOperationStatus(StrEnum):
    """How an operation stands; succeeded and failed are final.

    unknown: it may or may not have happened, and is asked about. attention: nobody could find out for days, or
    something else was approved than was asked for. Those two are settled by hand, if need be.
    """

    PENDING = "pending"
    UNKNOWN = "unknown"
    REQUIRES_ACTION = "requires_action"
    ATTENTION = "attention"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DoubtfulStatus(StrEnum):
    """The statuses of operations whose outcome is in doubt."""

    UNKNOWN = "unknown"
    ATTENTION = "attention"


class SettlementOutcome(StrEnum):
    """succeeded: it happened, of the amount and currency that were asked for. failed: it did not, and never will."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Settlement(Message):
    """What an operator said of an operation, and why."""

    outcome: SettlementOutcome
    reference: ProcessorReference | None = None
    note: SettlementNote
    settled_by: UUID7
    settled_at: AwareDatetime


class ProcessorOperation(Message):
    """One ask of a processor, under the id by which it knows it; of a refund or dispute where that is named.

    `tries` counts how often it was tried or asked about, `next_at` is when it is asked about again. `settlement` is
    there where an operator settled it.
    """

    id: UUID7
    payment_intent: UUID7
    refund: UUID7 | None = None
    dispute: UUID7 | None = None
    verb: ProcessorVerb
    processor: ProcessorName
    amount: Amount
    currency: Currency
    reference: str | None = None
    status: ProcessorOperationStatus
    tries: int
    asked_at: AwareDatetime
    next_at: AwareDatetime | None = None
    problem: Problem | None = None
    settled_at: AwareDatetime | None = None
    settlement: Settlement | None = None


class ProcessorOperationPage(Message):
    """Operations, newest first; `next_before` continues after them, and is None at the end."""

    operations: list[ProcessorOperation]
    next_before: UUID7 | None = None


@command("payments", "settle_operation", senders=("gateway",), answer=ProcessorOperation)
class SettleOperation(Message):
    """Say what became of an operation that is unknown or needs attention, as its processor would have said it.

    `reference` is the processor's name for it, which what happens to the money later goes by.
    """

    operation_id: UUID7
    outcome: SettlementOutcome
    reference: ProcessorReference | None = None
    note: SettlementNote
    settled_by: UUID7
    idempotency: Idempotency


@query("payments", "get_processor_operation", senders=("gateway",), answer=ProcessorOperation)
class GetProcessorOperation(Message):
    """Read one operation. Refused with `processor_operation_not_found`."""

    id: UUID7


@query("payments", "list_processor_operations", senders=("gateway",), answer=ProcessorOperationPage)
class ListProcessorOperations(Message):
    """Read operations whose outcome is in doubt, newest first, those older than `before`."""

    status: DoubtfulStatus = DoubtfulStatus.ATTENTION
    before: UUID7 | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 20
