"""The network's own words: what can be asked, and how it ends."""

from enum import StrEnum


class OperationType(StrEnum):
    """What a client can ask for. The first three start something; the others are about one of those."""

    CHARGE = "charge"
    AUTHORISE = "authorise"
    PAYOUT = "payout"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    EVIDENCE = "evidence"


STARTERS = frozenset({OperationType.CHARGE, OperationType.AUTHORISE, OperationType.PAYOUT})


class Status(StrEnum):
    """How an operation stands. `approved` and `declined` are final, but for a void of what was pending."""

    APPROVED = "approved"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"


SETTLED = frozenset({Status.APPROVED, Status.DECLINED})


class DisputeStatus(StrEnum):
    """How a dispute stands; `won` and `lost` are the merchant's view, and final."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


CLOSED = frozenset({DisputeStatus.WON, DisputeStatus.LOST})


class EventType(StrEnum):
    """What a webhook tells."""

    OPERATION_UPDATED = "operation.updated"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_UPDATED = "dispute.updated"
    DISPUTE_CLOSED = "dispute.closed"
