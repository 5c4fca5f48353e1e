"""Holds: money that is reserved, and each step in the life of a hold."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from contracts.wallet import HoldStatus


class Hold(NamedTuple):
    """A hold as it is now, its fields in the order of the table's columns. Only what remains of it is reserved."""

    id: UUID
    debit_account: UUID
    credit_account: UUID
    amount: int
    currency: str
    reference: UUID | None
    fingerprint: bytes
    placed_at: datetime
    captured: int
    remaining: int
    status: str
    expires_at: datetime
    steps: int


class HoldStep(NamedTuple):
    """What happened to a hold, and where that left it and what is held on its account; insert-only.

    `operation_id` and `fingerprint` are those of the capture, void or extension that asked for it.
    """

    hold_id: UUID
    step: int
    kind: str
    amount: int
    captured: int
    remaining: int
    expires_at: datetime
    account_id: UUID
    account_step: int
    held_after: int
    operation_id: UUID | None
    fingerprint: bytes | None
    recorded_at: datetime


class StepKind:
    """The kinds of step."""

    PLACED = "placed"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXTENDED = "extended"
    EXPIRED = "expired"


def status_after(kind: str, remaining: int) -> str:
    """Return the status in which a step leaves a hold."""
    return HoldStatus.PENDING.value if remaining else kind


def as_of(hold: Hold, now: datetime) -> Hold:
    """Return the hold as it counts at an instant: expired from `expires_at` on, whether that is recorded or not."""
    if hold.remaining and hold.expires_at <= now:
        return hold._replace(remaining=0, status=HoldStatus.EXPIRED.value)
    return hold
