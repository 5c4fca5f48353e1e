"""Which rule takes which signal."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias

from apps.payments.domain import payment_errors as errors
from apps.payments.domain.deciding import (
    advancing,
    asking,
    capturing,
    disputing,
    expiring,
    refunding,
    releasing,
    settling,
    starting,
)
from apps.payments.domain.deciding.step import Draft, Ignored, Payment, Step, Terms
from apps.payments.domain.operations import Operation
from apps.payments.domain.processing import Verb
from apps.payments.domain.signals import (
    DisputeWord,
    HoldEnded,
    LedgerResult,
    OperationResult,
    RiskWord,
    Signal,
    Timeout,
    Wish,
)
from apps.payments.domain.transitions import State
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

Decision: TypeAlias = Step | Problem | Ignored
"""A step; or why a wish is refused, or why any other signal is ignored."""


def decide(payment: Payment | None, signal: Signal, terms: Terms, now: datetime) -> Decision:
    """Return what the signal makes of the payment that it concerns, None where there is no such payment."""
    if isinstance(signal, Wish):
        return _decide_wish(payment, signal, terms, now)
    if payment is None:
        known_by_operation = isinstance(signal, LedgerResult | OperationResult | HoldEnded)
        return Ignored.UNKNOWN_OPERATION if known_by_operation else Ignored.UNKNOWN_INTENT
    draft = Draft(payment, terms, now)
    return _hear(draft, signal) or draft.step()


def _decide_wish(payment: Payment | None, wish: Wish, terms: Terms, now: datetime) -> Step | Problem:
    command = wish.command
    if isinstance(command, CreatePaymentIntent):
        return errors.ID_TAKEN if payment else starting.create(wish, command, terms, now)
    if payment is None:
        return _NOT_FOUND.get(type(command), errors.NOT_FOUND)
    draft = Draft(payment, terms, now)
    return _FULFIL[type(command)](draft, wish, command) or draft.step()


_FULFIL: Mapping[type[Any], Callable[[Draft, Wish, Any], Problem | None]] = MappingProxyType(
    {
        ConfirmPaymentIntent: starting.confirm,
        UpdatePaymentIntent: starting.update,
        CapturePaymentIntent: capturing.capture,
        CancelPaymentIntent: releasing.cancel,
        CreateRefund: refunding.refund,
        SubmitEvidence: disputing.submit_evidence,
        SettleOperation: settling.settle,
    }
)
_NOT_FOUND: Mapping[type[Any], Problem] = MappingProxyType(
    {SubmitEvidence: errors.DISPUTE_NOT_FOUND, SettleOperation: errors.OPERATION_NOT_FOUND}
)


def _hear(
    draft: Draft, signal: RiskWord | LedgerResult | HoldEnded | OperationResult | DisputeWord | Timeout
) -> Ignored | None:
    match signal:
        case RiskWord():
            return advancing.hear_risk(draft, signal)
        case LedgerResult():
            return _hear_result(draft, signal)
        case HoldEnded():
            return _hear_hold_ended(draft, signal)
        case OperationResult():
            return settling.hear_processor(draft, draft.payment.operations.get(signal.operation_id), signal.result)
        case DisputeWord():
            return disputing.hear_news(draft, signal)
        case Timeout():
            return expiring.time_out(draft)


def _hear_result(draft: Draft, signal: LedgerResult) -> Ignored | None:
    operation = draft.payment.operations.get(signal.operation_id)
    if operation is None or not operation.in_ledger or signal.reference not in (None, operation.subject_id):
        return Ignored.UNKNOWN_OPERATION
    _hear_ledger(draft, operation, signal.problem)
    return None


def _hear_ledger(draft: Draft, operation: Operation, problem: Problem | None) -> None:
    payment, subject = draft.payment, operation.subject_id
    if subject == payment.intent.id:
        advancing.hear_ledger(draft, operation, problem)
    elif refund := payment.refunds.get(subject):
        refunding.hear_ledger(draft, refund, operation, problem)
    elif dispute := payment.disputes.get(subject):
        disputing.hear_ledger(draft, dispute, operation, problem)
    else:
        # Between two clearing accounts, which changes nothing for anybody else.
        draft.settle(operation, problem)
        if problem:
            asking.ask_again(draft, operation)


def _hear_hold_ended(draft: Draft, ended: HoldEnded) -> Ignored | None:
    """Find what the end of a hold is about: it names what it was placed for, which has one operation at a time."""
    for operation in draft.payment.operations.values():
        if operation.subject_id == ended.reference and operation.verb is Verb.VOID_HOLD:
            _hear_ledger(draft, operation, None)
            return None
    intent = draft.intent
    if intent.hold_id == ended.hold_id and intent.state is State.REQUIRES_CAPTURE:
        releasing.expire(draft)  # the ledger refuses to give back what has ended, which is as good
        return None
    return Ignored.UNKNOWN_OPERATION
