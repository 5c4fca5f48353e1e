"""Executing what a client asks for: refused by a rule, played by the table, or approved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from apps.sandbox_processor.domain import seeding
from apps.sandbox_processor.domain.behaviours import (
    DISPUTE_ENDS_AFTER,
    SETTLES_AFTER,
    USUAL,
    Behaviour,
    behaviour_of,
    verdict_of,
)
from apps.sandbox_processor.domain.disputing import closing, dispute_of, under_review
from apps.sandbox_processor.domain.operation import Ask, Change, Dispute, Later, Notice, Operation, Step
from apps.sandbox_processor.domain.words import CLOSED, STARTERS, EventType, OperationType, Status

CANCELED = "payment_canceled"
_WAITING = frozenset({Status.PENDING, Status.REQUIRES_ACTION})


@dataclass(frozen=True, slots=True)
class About:
    """What an operation is about, as far as it exists: its parent, that one's root, and the dispute."""

    parent: Operation | None = None
    root: Operation | None = None
    dispute: Dispute | None = None


def behaviour_for(ask: Ask, about: About) -> Behaviour:
    """Return the row of the table that plays on this operation; the usual one if none does."""
    token = ask.token if ask.type in STARTERS else about.root and about.root.token
    found = behaviour_of(token or USUAL.token)
    return found if found is not None and found.plays(ask.type, ask.account) else USUAL


def execute(ask: Ask, about: About, seed: int, now: float) -> Step:
    """Return what an operation that was never seen before becomes. Times are from the answer on."""
    behaviour = behaviour_for(ask, about)
    operation = Operation(
        **{name: getattr(ask, name) for name in Ask.__dataclass_fields__},
        id=seeding.name("sbx_", seed, ask.account, ask.operation_id),
        status=behaviour.status,
        decline_code=behaviour.decline_code,
        created=now,
        root=about.root.id if about.root else None,
    )
    if ask.type in STARTERS:
        return _started(operation, behaviour) if ask.token else _refused(operation, "unknown_token")
    effect = _EFFECTS[ask.type](operation, about)
    if isinstance(effect, str):
        return _refused(operation, effect)
    if operation.status is Status.DECLINED:
        return _told(operation, behaviour)
    if operation.status is Status.PENDING:
        return effect + Step((operation,), later=(Later(Change.SETTLE, operation.id, SETTLES_AFTER),))
    return effect + _told(operation, behaviour)


def settle(operation: Operation, status: Status, decline_code: str | None = None) -> Step:
    """Return how a pending or authenticated operation ends; an empty step if it has ended already."""
    if operation.status not in _WAITING:
        return Step()
    settled = replace(operation, status=status, decline_code=decline_code, version=operation.version + 1)
    behaviour = behaviour_of(operation.token or USUAL.token) or USUAL
    return _started(settled, behaviour) if operation.type in STARTERS else _told(settled, USUAL)


def _refused(operation: Operation, code: str) -> Step:
    return _told(replace(operation, status=Status.DECLINED, decline_code=code), USUAL)


def _told(operation: Operation, behaviour: Behaviour) -> Step:
    """Save a settled operation, and tell of it as often as the table says."""
    notices = tuple(Notice(EventType.OPERATION_UPDATED, operation, after) for after in behaviour.sent_after)
    return Step((operation,), notices=notices)


def _started(operation: Operation, behaviour: Behaviour) -> Step:
    """Save a charge, authorisation or payout as it stands now, with what follows from that."""
    if operation.status is Status.REQUIRES_ACTION:
        return Step((operation,))
    if operation.status is Status.PENDING:
        after = behaviour.pending_sent_after
        notices = () if after is None else (Notice(EventType.OPERATION_UPDATED, operation, after),)
        return Step((operation,), notices=notices, later=(Later(Change.SETTLE, operation.id, SETTLES_AFTER),))
    if operation.status is Status.APPROVED and operation.type is OperationType.CHARGE:
        operation = replace(operation, captured=operation.amount)
        return _told(operation, behaviour) + dispute_of(operation)
    return _told(operation, behaviour)


# What an operation does to what it is about; or, as a decline code, the first rule that forbids it.


def _capture(operation: Operation, about: About) -> Step | str:
    root = about.parent
    if root is None:
        return "parent_not_found"
    if root.type is not OperationType.AUTHORISE or root.status is not Status.APPROVED:
        return "not_capturable"
    if root.voided:
        return "authorisation_voided"
    if operation.currency != root.currency:
        return "currency_mismatch"
    captured = root.captured + operation.amount
    if captured > root.amount:
        return "capture_exceeds_authorised"
    dispute = Step() if root.captured else dispute_of(operation, root)
    return Step((replace(root, captured=captured),)) + dispute


def _refund(operation: Operation, about: About) -> Step | str:
    root = about.root
    if root is None or about.parent is None:
        return "parent_not_found"
    if about.parent.type not in _TAKING or about.parent.status is not Status.APPROVED:
        return "not_refundable"
    if operation.currency != root.currency:
        return "currency_mismatch"
    if operation.amount > root.returnable:
        return "refund_exceeds_captured"
    return Step((replace(root, refunded=root.refunded + operation.amount),))


def _void(operation: Operation, about: About) -> Step | str:  # noqa: ARG001
    root = about.parent
    if root is None:
        return "parent_not_found"
    if root.type not in STARTERS:
        return "not_voidable"
    if root.status in _WAITING:
        return settle(root, Status.DECLINED, CANCELED)
    if root.status is Status.DECLINED:
        return Step()
    if root.type is OperationType.PAYOUT:
        return "already_paid_out"
    given_back = root.returnable if root.type is OperationType.CHARGE else 0
    return Step((replace(root, refunded=root.refunded + given_back, voided=True),))


def _evidence(operation: Operation, about: About) -> Step | str:
    dispute = about.dispute
    if dispute is None:
        return "parent_not_found"
    if dispute.status in CLOSED:
        return "dispute_closed"
    verdict = verdict_of(operation.evidence.values())
    ends = () if verdict is None else (closing(dispute.id, verdict, DISPUTE_ENDS_AFTER),)
    return under_review(dispute) + Step(later=ends)


_TAKING = frozenset({OperationType.CHARGE, OperationType.AUTHORISE, OperationType.CAPTURE})
_EFFECTS: Mapping[OperationType, Callable[[Operation, About], Step | str]] = {
    OperationType.CAPTURE: _capture,
    OperationType.REFUND: _refund,
    OperationType.VOID: _void,
    OperationType.EVIDENCE: _evidence,
}
