"""Captured money goes back: reserved on the merchant's wallet, returned by the processor, and booked."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from apps.payments.domain import payment_errors as errors
from apps.payments.domain.deciding import asking
from apps.payments.domain.deciding.advancing import wait
from apps.payments.domain.deciding.asking import processor_of
from apps.payments.domain.deciding.step import Draft
from apps.payments.domain.operations import Operation
from apps.payments.domain.processing import Result, ResultStatus, Verb
from apps.payments.domain.public_view import refund_view
from apps.payments.domain.refunds import Refund, Stage
from apps.payments.domain.signals import Wish
from apps.payments.domain.transitions import Trigger, is_legal
from contracts.message import Outcome, Problem
from contracts.payments import CreateRefund, PaymentDirection, RefundCreated, RefundFailed, RefundSucceeded

_ENDS = MappingProxyType({Stage.SUCCEEDED: RefundSucceeded, Stage.FAILED: RefundFailed})


def refund(draft: Draft, wish: Wish, asked: CreateRefund) -> Problem | None:
    """Send `amount` back, or all that is left."""
    intent = draft.intent
    if problem := _impossible(draft, asked):
        return problem
    amount = asked.amount or intent.refundable
    made = Refund(
        id=asked.refund_id,
        intent_id=intent.id,
        merchant=asked.merchant,
        customer=intent.customer,
        amount=amount,
        currency=intent.currency,
        reason=asked.reason,
        metadata=asked.metadata or {},
        stage=Stage.POSTING if intent.by_wallet else Stage.RESERVING,
        created_at=draft.now,
        updated_at=draft.now,
        asked_by=wish.asked_by,
    )
    draft.keep_refund(made)
    # Counted from here on, so that no other refund or dispute takes the same money.
    draft.change(refunding=intent.refunding + amount)
    draft.note(Trigger.REFUND.value, event=RefundCreated.model_construct(refund=refund_view(made)))
    if intent.by_wallet:
        asking.ask_transfer(draft, intent.destination, intent.source, amount, made.id)
    else:
        asking.ask_merchant_hold(draft, amount, processor_of(intent), made.id)
    draft.answer(wish.asked_by, Outcome.ACCEPTED, refund_view(made))
    return None


def _impossible(draft: Draft, asked: CreateRefund) -> Problem | None:
    intent = draft.intent
    if intent.merchant != asked.merchant:
        return errors.NOT_FOUND
    if intent.direction is PaymentDirection.PAYOUT:
        return errors.REFUND_NOT_POSSIBLE
    if not is_legal(intent.state, Trigger.REFUND):
        return errors.unexpected_state(intent.state, Trigger.REFUND)
    if asked.refund_id in draft.payment.refunds:
        return errors.REFUND_ID_TAKEN
    if (asked.amount or 1) > intent.refundable:
        return errors.exceeds_captured(intent.refundable)
    return None


def hear_ledger(draft: Draft, refund: Refund, operation: Operation, problem: Problem | None) -> None:
    """Take the ledger's outcome of an operation of a refund."""
    draft.settle(operation, problem)
    match operation.verb:
        case Verb.HOLD if problem is None:
            _put(draft, refund, Stage.REFUNDING, operation, hold_id=operation.id)
            _ask_processor(draft, refund)
        case Verb.VOID_HOLD:
            _end(draft, refund, Stage.FAILED, operation)
        case _ if problem is None:
            _end(draft, refund, Stage.SUCCEEDED, operation)
        case Verb.HOLD:
            _end(draft, refund, Stage.FAILED, operation, errors.refund_refused_by_ledger(problem))
        case _ if draft.intent.by_wallet:
            _end(draft, refund, Stage.FAILED, operation, errors.refund_refused_by_ledger(problem))
        case _ if asking.waits_for_thaw(operation, problem):
            draft.note("refund_waits_for_thaw", operation=operation.id)
            asking.ask_capture_later(draft, operation)
        case _:
            # The customer has the money: what the merchant's wallet does not give is put on the suspense account.
            draft.note("refund_put_aside", operation=operation.id)
            asking.ask_suspense(draft, operation, out=True, processor=processor_of(draft.intent))


def _ask_processor(draft: Draft, refund: Refund) -> None:
    intent = draft.intent
    details = {"metadata": {"payment_intent": str(intent.id), "refund": str(refund.id)}}
    parent = {"parent": intent.authorisation} if intent.authorisation else {}
    draft.ask_processor(Verb.REFUND, refund.amount, processor_of(intent), details | parent, refund.id)


def hear_processor(draft: Draft, refund: Refund, operation: Operation, result: Result) -> None:
    """Take the processor's word about a refund."""
    match result.status:
        case ResultStatus.APPROVED:
            draft.settle(operation, reference=result.reference)
            _put(draft, refund, Stage.POSTING, operation)
            if refund.hold_id:
                asking.ask_capture_hold(draft, refund.hold_id, refund.amount, refund.id)
        case ResultStatus.DECLINED:
            problem = result.problem or errors.DECLINED
            draft.settle(operation, problem)
            _put(draft, refund, Stage.RELEASING, operation, failure=problem)
            if refund.hold_id:
                asking.ask_release(draft, refund.hold_id, refund.amount, refund.id)
        case _:
            wait(draft, operation, result)


def _put(draft: Draft, refund: Refund, stage: Stage, operation: Operation, **changes: Any) -> None:
    draft.keep_refund(replace(refund, stage=stage, updated_at=draft.now, **changes))
    draft.note(f"refund_{stage.value}", operation=operation.id)


def _end(draft: Draft, refund: Refund, stage: Stage, operation: Operation, failure: Problem | None = None) -> None:
    ended = replace(refund, stage=stage, failure=failure or refund.failure, updated_at=draft.now, asked_by=None)
    draft.keep_refund(ended)
    returned = refund.amount if stage is Stage.SUCCEEDED else 0
    intent = draft.intent
    draft.change(refunding=intent.refunding - refund.amount, refunded=intent.refunded + returned)
    view = refund_view(ended)
    draft.note(f"refund_{stage.value}", operation=operation.id, event=_ENDS[stage].model_construct(refund=view))
    draft.answer(refund.asked_by, Outcome.COMPLETED, view, ended.failure)
