"""Disputes: planned with what is charged, opened later, answered with evidence, and closed."""

from dataclasses import replace

from apps.sandbox_processor.domain import seeding
from apps.sandbox_processor.domain.behaviours import (
    DISPUTE_ENDS_AFTER,
    DISPUTE_OPENS_AFTER,
    SOON,
    USUAL,
    DisputePlan,
    behaviour_of,
)
from apps.sandbox_processor.domain.operation import Change, Dispute, Later, Notice, Operation, Step
from apps.sandbox_processor.domain.words import CLOSED, DisputeStatus, EventType

EVIDENCE_SECONDS = 7 * 24 * 3600.0
_CLOSINGS = {DisputeStatus.WON: Change.WIN_DISPUTE, DisputeStatus.LOST: Change.LOSE_DISPUTE}


def dispute_of(operation: Operation, root: Operation | None = None) -> Step:
    """Plan the dispute of an approved charge or capture, if the table has one for it."""
    plan = _plan(root or operation)
    return Step() if plan is None else Step(later=(Later(Change.OPEN_DISPUTE, operation.id, DISPUTE_OPENS_AFTER),))


def open_dispute(operation: Operation, root: Operation, seed: int, now: float) -> Step:
    """Open the planned dispute over what was not refunded meanwhile; an empty step if that is nothing."""
    plan, amount = _plan(root), min(operation.amount, root.returnable)
    if plan is None or amount <= 0:
        return Step()
    dispute = Dispute(
        id=seeding.name("dp_", seed, operation.account, operation.operation_id),
        account=operation.account,
        parent=operation.id,
        root=root.id,
        amount=amount,
        currency=operation.currency,
        reason=plan.reason,
        status=DisputeStatus.NEEDS_RESPONSE,
        created=now,
        evidence_due=now + EVIDENCE_SECONDS,
    )
    ends = () if plan.ends is None else (closing(dispute.id, plan.ends, DISPUTE_ENDS_AFTER),)
    return Step(
        operations=(replace(root, disputed=root.disputed + amount),),
        disputes=(dispute,),
        notices=(Notice(EventType.DISPUTE_OPENED, dispute, plan.opened_sent_after),),
        later=(*ends, Later(Change.EVIDENCE_DUE, dispute.id, EVIDENCE_SECONDS)),
    )


def closing(dispute_id: str, status: DisputeStatus, after: float) -> Later:
    """Return the later change that closes a dispute."""
    return Later(_CLOSINGS[status], dispute_id, after)


def under_review(dispute: Dispute) -> Step:
    """Take the merchant's evidence."""
    reviewed = replace(dispute, status=DisputeStatus.UNDER_REVIEW, version=dispute.version + 1)
    return Step(disputes=(reviewed,), notices=(Notice(EventType.DISPUTE_UPDATED, reviewed, SOON),))


def close_dispute(dispute: Dispute, root: Operation, status: DisputeStatus) -> Step:
    """Close a dispute as won (the money is the merchant's again) or lost; an empty step if it is closed already."""
    if dispute.status in CLOSED:
        return Step()
    closed = replace(dispute, status=status, version=dispute.version + 1)
    returned = dispute.amount if status is DisputeStatus.WON else 0
    return Step(
        operations=(replace(root, disputed=root.disputed - returned),),
        disputes=(closed,),
        notices=(Notice(EventType.DISPUTE_CLOSED, closed, SOON),),
    )


def miss_evidence(dispute: Dispute, root: Operation) -> Step:
    """Lose a dispute that nobody answered in time."""
    unanswered = dispute.status is DisputeStatus.NEEDS_RESPONSE
    return close_dispute(dispute, root, DisputeStatus.LOST) if unanswered else Step()


def _plan(root: Operation) -> DisputePlan | None:
    return (behaviour_of(root.token or USUAL.token) or USUAL).dispute
