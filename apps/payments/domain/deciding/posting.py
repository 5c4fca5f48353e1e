"""The pivot and after it: money is brought to where it belongs, and what cannot be is put aside."""

from dataclasses import replace
from typing import Any

from apps.payments.domain import payment_errors as errors
from apps.payments.domain.deciding import asking, releasing
from apps.payments.domain.deciding.asking import clearing, processor_of
from apps.payments.domain.deciding.step import Draft
from apps.payments.domain.operations import Operation
from apps.payments.domain.transitions import State, Trigger
from contracts.message import Problem
from contracts.payments import CaptureMethod, PaymentDirection

HOLD_IS_OVER = frozenset({"hold_expired", "hold_not_pending", "hold_not_found"})
"""What the ledger says of a hold that reserves nothing any more."""


def post(draft: Draft, trigger: Trigger, amount: int, *, operation: Operation | None = None, **changes: Any) -> None:
    """Move the payment to POSTING, and ask the ledger to bring `amount` to where it belongs.

    `operation` is the one at the processor that has taken or paid out the money.
    """
    cause = operation.id if operation else None
    attempt = replace(draft.intent.current, transfer_id=draft.terms.fresh_id())
    draft.move(trigger, State.POSTING, operation=cause, attempt=attempt, capturing=amount, **changes)
    asking.ask_post(draft)
    held_for = draft.intent.held_for
    if operation and operation.processor and held_for and held_for != operation.processor:
        # Held for one processor and paid out by the next: what the hold brings to the one belongs to the other.
        asking.ask_transfer(draft, clearing(held_for), clearing(operation.processor), amount, operation.id)


def posted(draft: Draft, operation: Operation) -> None:
    """Count what has reached its destination; the payment is over unless more may be captured."""
    intent = draft.intent
    captured = intent.captured + intent.capturing
    if intent.final_capture or captured == intent.authorised:
        draft.move(Trigger.POSTED, State.SUCCEEDED, operation=operation.id, captured=captured, capturing=0)
    else:
        draft.move(
            Trigger.POSTED,
            State.REQUIRES_CAPTURE,
            operation=operation.id,
            captured=captured,
            capturing=0,
            deadline_at=intent.capture_before,
        )


def post_refused(draft: Draft, operation: Operation, problem: Problem) -> None:
    """Give a payment back whose wallet did not pay; what a processor has taken or paid out is booked all the same."""
    intent = draft.intent
    if not intent.by_wallet:
        _put_aside(draft, operation, problem)
    elif intent.capture_method is CaptureMethod.AUTOMATIC:
        error = errors.refused_by_ledger(problem)
        releasing.fail(draft, Trigger.POST_REFUSED, error, operation)
    elif problem.code in HOLD_IS_OVER:
        releasing.expire(draft, Trigger.POST_REFUSED, operation)
    else:
        back_to_capturable(draft, Trigger.POST_REFUSED, operation, errors.refused_by_ledger(problem))


def back_to_capturable(draft: Draft, trigger: Trigger, operation: Operation, error: Problem) -> None:
    """Give a capture up that did not work; what is authorised can still be captured."""
    draft.move(
        trigger,
        State.REQUIRES_CAPTURE,
        operation=operation.id,
        error=error,
        capturing=0,
        final_capture=False,
        deadline_at=draft.intent.capture_before,
    )


def _put_aside(draft: Draft, operation: Operation, problem: Problem) -> None:
    intent = draft.intent
    if asking.waits_for_thaw(operation, problem):
        transfer = asking.ask_capture_later(draft, operation)
    else:
        out = intent.direction is PaymentDirection.PAYOUT
        transfer = asking.ask_suspense(draft, operation, out=out, processor=intent.held_for or processor_of(intent))
    attempt = replace(intent.current, transfer_id=transfer)
    draft.move(Trigger.POST_REFUSED, State.POSTING, operation=operation.id, attempt=attempt)
