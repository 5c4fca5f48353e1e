"""How operations at processors end: by the processor's word, or by an operator's where nobody else could find out."""

from apps.payments.domain import payment_errors as errors
from apps.payments.domain.deciding import advancing, disputing, refunding
from apps.payments.domain.deciding.step import Draft, Ignored
from apps.payments.domain.operations import Operation, OperationStatus, approves_something_else
from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.public_view import operation_view
from apps.payments.domain.signals import Wish
from contracts.message import Outcome, Problem
from contracts.payments import Settlement, SettlementOutcome, SettleOperation

_LATER_ASKS_NAME = frozenset({Verb.CHARGE, Verb.AUTHORISE})
"""What captures, voids and refunds are about: without its reference nothing could be asked of the processor later."""


def hear_processor(draft: Draft, operation: Operation | None, result: Result) -> Ignored | None:
    """Take a processor's word about an operation of the payment, of its refunds or of its disputes."""
    if operation is None or operation.in_ledger:
        return Ignored.UNKNOWN_OPERATION
    payment, subject = draft.payment, operation.subject_id
    if approves_something_else(operation.verb, operation.amount, payment.intent.currency, result):
        advancing.doubt(draft, operation, result)
    elif subject == payment.intent.id:
        advancing.hear_processor(draft, operation, result)
    elif refund := payment.refunds.get(subject):
        refunding.hear_processor(draft, refund, operation, result)
    elif dispute := payment.disputes.get(subject):
        disputing.hear_processor(draft, dispute, operation, result)
    else:
        return Ignored.UNKNOWN_OPERATION
    return None


def settle(draft: Draft, wish: Wish, asked: SettleOperation) -> Problem | None:
    """Take an operator's word for the processor's; what follows from it is the same."""
    operation = draft.payment.operations.get(asked.operation_id)
    if operation is None or operation.in_ledger or not operation.in_doubt:
        return errors.OPERATION_NOT_IN_DOUBT
    if problem := _impossible(draft, operation, asked):
        return problem
    draft.note("operation_settled", operation=operation.id)
    hear_processor(draft, operation, _result(operation, asked))
    ended = draft.step().operations.get(operation.id)
    if ended is None or ended.status is not OperationStatus(asked.outcome.value):
        return errors.SETTLEMENT_NOT_POSSIBLE
    draft.answer(wish.asked_by, Outcome.COMPLETED, operation_view(ended, _settlement(draft, asked)))
    return None


def _impossible(draft: Draft, operation: Operation, asked: SettleOperation) -> Problem | None:
    if operation.in_hand(draft.now):
        return errors.OPERATION_IN_HAND
    if asked.reference and operation.reference not in (None, asked.reference):
        return errors.OTHER_REFERENCE
    named = asked.reference or operation.reference
    if asked.outcome is SettlementOutcome.SUCCEEDED and operation.verb in _LATER_ASKS_NAME and not named:
        return errors.REFERENCE_REQUIRED
    return None


def _result(operation: Operation, asked: SettleOperation) -> Result:
    """Return what the processor would have said. A failure is final: no other processor is asked behind their back."""
    if asked.outcome is SettlementOutcome.SUCCEEDED:
        return Result(ResultStatus.APPROVED, asked.reference)
    return Result(ResultStatus.DECLINED, asked.reference, errors.never_happened(operation.verb))


def _settlement(draft: Draft, asked: SettleOperation) -> Settlement:
    """Return what is kept of an operator's word."""
    return Settlement.model_construct(
        outcome=asked.outcome,
        reference=asked.reference,
        note=asked.note,
        settled_by=asked.settled_by,
        settled_at=draft.now,
    )
