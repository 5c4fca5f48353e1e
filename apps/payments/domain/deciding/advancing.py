"""What risk, the ledger and processors say of a payment moves it on."""

from dataclasses import replace
from typing import Any

from apps.payments.domain import payment_errors as errors
from apps.payments.domain.deciding import asking, posting, releasing
from apps.payments.domain.deciding.step import Draft, Ignored
from apps.payments.domain.intents import Intent
from apps.payments.domain.operations import Operation, OperationStatus
from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.signals import RiskWord
from apps.payments.domain.transitions import State, Trigger, is_legal
from contracts.message import Problem
from contracts.payments import ActionType, CaptureMethod, NextAction, OperationNeedsAttention, PaymentDirection
from contracts.risk import RiskOutcome

_BY_OUTCOME = {
    RiskOutcome.APPROVE: Trigger.RISK_APPROVED,
    RiskOutcome.DECLINE: Trigger.RISK_DECLINED,
    RiskOutcome.REVIEW: Trigger.RISK_REVIEWS,
}


def hear_risk(draft: Draft, word: RiskWord) -> Ignored | None:
    """Let an approved payment go on, give a declined one back to its customer, let a doubtful one wait.

    The first word counts; after a review the next one does too, if risk itself has decided it: what was answered by
    policy never takes the place of what was decided. So the decision that follows such an answer counts where that was
    to wait, and comes too late where the payment went on or ended.
    """
    intent = draft.intent
    if intent.attempt is None or intent.attempt.assessment_id != word.assessment_id:
        return Ignored.OTHER_ATTEMPT
    trigger = _BY_OUTCOME[word.outcome]
    if not is_legal(intent.state, trigger) or (word.degraded and intent.state is State.IN_REVIEW):
        return Ignored.OUT_OF_STATE
    match word.outcome:
        case RiskOutcome.APPROVE:
            _go_on(draft, intent)
        case RiskOutcome.DECLINE:
            releasing.fail(draft, trigger, word.problem or errors.DECLINED_BY_RISK)
        case RiskOutcome.REVIEW:
            action = NextAction(type=ActionType.RISK_REVIEW)
            until = draft.now + draft.terms.capture_window
            draft.move(trigger, State.IN_REVIEW, next_action=action, deadline_at=until)
    return None


def _go_on(draft: Draft, intent: Intent) -> None:
    manual = intent.capture_method is CaptureMethod.MANUAL
    if intent.direction is PaymentDirection.PAYOUT:
        draft.move(Trigger.RISK_APPROVED, State.RESERVING)
        asking.ask_hold(draft, lasts=asking.LONG)
    elif not intent.by_wallet:
        draft.move(Trigger.RISK_APPROVED, State.AUTHORISING)
        asking.ask_payment(draft)
    elif manual:
        draft.move(Trigger.RISK_APPROVED, State.RESERVING)
        asking.ask_hold(draft, lasts=draft.terms.capture_window + asking.GRACE)
    else:
        posting.post(draft, Trigger.RISK_APPROVED, intent.amount, authorised=intent.amount, final_capture=True)


def hear_ledger(draft: Draft, operation: Operation, problem: Problem | None) -> None:
    """Take the ledger's outcome of an operation of the payment itself."""
    draft.settle(operation, problem)
    match operation.verb:
        case Verb.HOLD if problem:
            error = errors.refused_by_ledger(problem)
            releasing.fail(draft, Trigger.HOLD_REFUSED, error, operation)
        case Verb.HOLD:
            _held(draft, operation)
        case Verb.VOID_HOLD:
            # Refused is as good: nobody else touches the hold, so it had ended already.
            releasing.released(draft, operation)
        case _ if problem:
            posting.post_refused(draft, operation, problem)
        case _:
            posting.posted(draft, operation)


def _held(draft: Draft, operation: Operation) -> None:
    intent = draft.intent
    if intent.direction is PaymentDirection.PAYOUT:
        draft.move(
            Trigger.HELD,
            State.AUTHORISING,
            operation=operation.id,
            hold_id=operation.id,
            held_for=intent.processor,
        )
        asking.ask_payment(draft)
        return
    _authorised(draft, Trigger.HELD, operation, hold_id=operation.id)


def _authorised(draft: Draft, trigger: Trigger, operation: Operation, **changes: Any) -> None:
    until = draft.now + draft.terms.capture_window
    draft.move(
        trigger,
        State.REQUIRES_CAPTURE,
        operation=operation.id,
        authorised=draft.intent.amount,
        capture_before=until,
        deadline_at=until,
        **changes,
    )


def hear_processor(draft: Draft, operation: Operation, result: Result) -> None:
    """Take a processor's word about an operation of the payment itself."""
    match operation.verb:
        case Verb.CHARGE | Verb.AUTHORISE | Verb.PAYOUT:
            _hear_payment(draft, operation, result)
        case Verb.CAPTURE:
            _hear_capture(draft, operation, result)
        case _:
            _hear_void(draft, operation, result)


def _hear_payment(draft: Draft, operation: Operation, result: Result) -> None:
    match result.status:
        case ResultStatus.APPROVED:
            _approved(draft, operation, result.reference or operation.reference)
        case ResultStatus.DECLINED:
            _declined(draft, operation, result.problem or errors.DECLINED, result.reference)
        case ResultStatus.FAILED:
            _fall_over(draft, operation)
        case ResultStatus.REQUIRES_ACTION if operation.verb is not Verb.PAYOUT:
            _wait_for_customer(draft, operation, result)
        case ResultStatus.PENDING if draft.intent.state is State.AWAITING_ACTION:
            wait(draft, operation, result)
            draft.move(Trigger.ACTION_TAKEN, State.AUTHORISING, operation=operation.id)
        case _:
            wait(draft, operation, result)


def _approved(draft: Draft, operation: Operation, reference: str | None) -> None:
    draft.settle(operation, reference=reference)
    amount = draft.intent.amount
    if operation.verb is Verb.AUTHORISE:
        _authorised(draft, Trigger.AUTHORISED, operation, authorisation=reference)
        return
    posting.post(
        draft,
        Trigger.CHARGED,
        amount,
        operation=operation,
        authorised=amount,
        authorisation=reference,
        final_capture=True,
    )


def _declined(draft: Draft, operation: Operation, problem: Problem, reference: str | None = None) -> None:
    draft.settle(operation, problem, reference)
    if draft.intent.hold_id:
        releasing.give_back(draft, Trigger.DECLINED, operation, error=problem)
    else:
        releasing.fail(draft, Trigger.DECLINED, problem, operation)


def _fall_over(draft: Draft, operation: Operation) -> None:
    """Ask the next processor of the route.

    What waits for its customer, or has a name at the processor already, is not started anew behind their back.
    """
    tried = (*operation.details.get("tried", ()), str(operation.processor))
    payment = asking.candidate(draft.intent)
    following = draft.terms.routing.after(payment, tried) if payment else None
    if following is None or operation.reference or draft.intent.state is not State.AUTHORISING:
        _declined(draft, operation, errors.PROCESSOR_UNAVAILABLE)
        return
    draft.settle(operation, errors.PROCESSOR_UNAVAILABLE)
    draft.move(Trigger.FELL_OVER, State.AUTHORISING, operation=operation.id, processor=following)
    asking.ask_payment(draft, tried=tried)


def _wait_for_customer(draft: Draft, operation: Operation, result: Result) -> None:
    wait(draft, operation, result)
    if draft.intent.state is State.AUTHORISING:
        action = NextAction(type=ActionType.REDIRECT_TO_URL, url=result.action_url)
        until = draft.now + draft.terms.action_wait
        draft.move(
            Trigger.ACTION_REQUIRED,
            State.AWAITING_ACTION,
            operation=operation.id,
            next_action=action,
            deadline_at=until,
        )


def _hear_capture(draft: Draft, operation: Operation, result: Result) -> None:
    match result.status:
        case ResultStatus.APPROVED:
            draft.settle(operation, reference=result.reference)
            posting.post(draft, Trigger.CAPTURED, draft.intent.capturing, operation=operation)
        case ResultStatus.DECLINED:
            problem = result.problem or errors.DECLINED
            draft.settle(operation, problem)
            posting.back_to_capturable(draft, Trigger.CAPTURE_DECLINED, operation, problem)
        case _:
            wait(draft, operation, result)


def _hear_void(draft: Draft, operation: Operation, result: Result) -> None:
    """Until the processor says that nothing more is taken, it is asked again: there is no other way out."""
    if result.status is ResultStatus.APPROVED:
        draft.settle(operation, reference=result.reference)
        releasing.released(draft, operation)
    else:
        wait(draft, operation, result)


_STATUS = {
    ResultStatus.REQUIRES_ACTION: OperationStatus.REQUIRES_ACTION,
    ResultStatus.PENDING: OperationStatus.PENDING,
    ResultStatus.FAILED: OperationStatus.PENDING,
}


def doubt(draft: Draft, operation: Operation, result: Result) -> None:
    """Leave open what was approved otherwise than it was asked for, and tell, once, that a person must look."""
    if operation.status is OperationStatus.ATTENTION:
        return
    reference = result.reference or operation.reference
    draft.progress(replace(operation, status=OperationStatus.ATTENTION, reference=reference))
    draft.note("operation_doubted", operation=operation.id)
    draft.say(
        OperationNeedsAttention(
            operation_id=operation.id,
            payment_intent=operation.intent_id,
            processor=str(operation.processor),
            asked_at=operation.asked_at,
            tries=operation.tries,
        )
    )


def wait(draft: Draft, operation: Operation, result: Result) -> None:
    """Note that an operation has no outcome yet. When it is asked about again is for who has it in hand to say."""
    status = _STATUS.get(result.status, OperationStatus.UNKNOWN)
    if operation.status is OperationStatus.ATTENTION:
        status = operation.status
    reference = result.reference or operation.reference
    if (status, reference) == (operation.status, operation.reference):
        return
    draft.progress(replace(operation, status=status, reference=reference))
    if status is OperationStatus.UNKNOWN is not operation.status:
        draft.note("operation_unknown", operation=operation.id)
