"""What is asked, what becomes of it, and what else has to happen: operations, disputes, steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from apps.sandbox_processor.domain.words import DisputeStatus, EventType, OperationType, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One operation as a client asked for it. `fingerprint` tells another body under the same id from this one."""

    account: str
    operation_id: str
    type: OperationType
    amount: int
    currency: str
    fingerprint: bytes
    token: str | None = None
    parent: str | None = None
    statement_descriptor: str | None = None
    return_url: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Ask):
    """An operation that was executed. `created` is in seconds since the epoch, `version` counts its changes.

    `root` is the charge, authorisation or payout that it is about, None if it is one itself. The amounts are kept at
    the root: `refunded` and `disputed` never exceed `captured` together, nor that what was authorised.
    """

    id: str
    status: Status
    created: float
    decline_code: str | None = None
    version: int = 1
    root: str | None = None
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    voided: bool = False

    @property
    def returnable(self) -> int:
        """How much could still be refunded."""
        return self.captured - self.refunded - self.disputed


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A customer's bank wants money back. `parent` is the charge or capture, `root` where its amounts are kept."""

    id: str
    account: str
    parent: str
    root: str
    amount: int
    currency: str
    reason: str
    status: DisputeStatus
    created: float
    evidence_due: float
    version: int = 1


class Change(StrEnum):
    """What can happen later, unasked."""

    SETTLE = "settle"
    OPEN_DISPUTE = "open_dispute"
    WIN_DISPUTE = "win_dispute"
    LOSE_DISPUTE = "lose_dispute"
    EVIDENCE_DUE = "evidence_due"


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook to send: the subject as it stands now, `after` so many seconds."""

    type: EventType
    subject: Operation | Dispute
    after: float


@dataclass(frozen=True, slots=True)
class Later:
    """A change of the operation or dispute with the id `subject`, `after` so many seconds."""

    change: Change
    subject: str
    after: float


@dataclass(frozen=True, slots=True)
class Step:
    """What one decision changes: all of it, or nothing."""

    operations: tuple[Operation, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    notices: tuple[Notice, ...] = ()
    later: tuple[Later, ...] = ()

    def __add__(self, other: "Step") -> "Step":
        """Return both as one; of an operation in both, the other's is the newer."""
        return Step(
            self.operations + other.operations,
            self.disputes + other.disputes,
            self.notices + other.notices,
            self.later + other.later,
        )
