"""How a payment ends without effect: declined, canceled, expired or abandoned, and what was reserved is given back."""

from typing import Any

from apps.payments.domain import payment_errors as errors
from apps.payments.domain.deciding import asking
from apps.payments.domain.deciding.step import Draft
from apps.payments.domain.operations import Operation
from apps.payments.domain.signals import Wish
from apps.payments.domain.transitions import State, Trigger, is_legal
from contracts.message import Problem
from contracts.payments import CancellationReason, CancelPaymentIntent

_NOTHING_YET = frozenset({State.REQUIRES_PAYMENT_METHOD, State.REQUIRES_CONFIRMATION, State.IN_REVIEW})
"""Where nothing is reserved or asked for yet, so that nothing has to be given back."""


def cancel(draft: Draft, wish: Wish, asked: CancelPaymentIntent) -> Problem | None:
    """Give the payment up for its customer or its merchant."""
    intent = draft.intent
    if not intent.concerns(asked.asked_by):
        return errors.NOT_FOUND
    if not is_legal(intent.state, Trigger.CANCEL):
        return errors.unexpected_state(intent.state, Trigger.CANCEL)
    draft.begin(wish)
    _end(draft, Trigger.CANCEL, asked.reason or CancellationReason.REQUESTED_BY_CUSTOMER)
    draft.accept()
    return None


def expire(draft: Draft, trigger: Trigger = Trigger.EXPIRED, operation: Operation | None = None) -> None:
    """Give the payment up because its time is over."""
    unconfirmed = draft.intent.state in (State.REQUIRES_PAYMENT_METHOD, State.REQUIRES_CONFIRMATION)
    reason = CancellationReason.ABANDONED if unconfirmed else CancellationReason.EXPIRED
    _end(draft, trigger, reason, operation)


def _end(draft: Draft, trigger: Trigger, reason: CancellationReason, operation: Operation | None = None) -> None:
    if draft.intent.state in _NOTHING_YET:
        draft.move(trigger, State.CANCELED, cancellation_reason=reason)
    else:
        give_back(draft, trigger, operation, cancellation_reason=reason)


def fail(draft: Draft, trigger: Trigger, error: Problem, operation: Operation | None = None) -> None:
    """Give the payment back to its customer, who may try again."""
    draft.move(
        trigger,
        State.REQUIRES_PAYMENT_METHOD,
        operation=operation.id if operation else None,
        error=error,
        authorised=0,
        capturing=0,
        final_capture=False,
        hold_id=None,
        held_for=None,
        deadline_at=draft.now + draft.terms.abandon_after,
    )


def give_back(
    draft: Draft, trigger: Trigger, operation: Operation | None, *, error: Problem | None = None, **changes: Any
) -> None:
    """Give back what is reserved: a hold in the ledger, or what a processor authorised or is about to charge."""
    charge = next((o for o in draft.payment.operations.values() if _is_charge(draft, o)), None)
    draft.move(
        trigger,
        State.RELEASING,
        operation=operation.id if operation else None,
        error=error,
        capturing=0,
        final_capture=False,
        **changes,
    )
    intent = draft.intent
    if intent.hold_id:
        asking.ask_release(draft, intent.hold_id, intent.capturable or intent.amount, intent.id)
        return
    if charge:
        draft.settle(charge, errors.GIVEN_UP)
    if parent := intent.authorisation or (charge.reference if charge else None):
        asking.ask_void(draft, parent)
    else:
        released(draft, charge or operation)  # what no processor has a name for, none can void


def _is_charge(draft: Draft, operation: Operation) -> bool:
    return operation.subject_id == draft.intent.id and not operation.in_ledger


def released(draft: Draft, operation: Operation | None) -> None:
    """End the payment, now that nothing is reserved any more."""
    intent, cause = draft.intent, operation.id if operation else None
    if intent.cancellation_reason is None:
        fail(draft, Trigger.RELEASED, intent.last_payment_error or errors.DECLINED, operation)
    elif intent.captured:
        draft.move(Trigger.RELEASED, State.SUCCEEDED, operation=cause)
    else:
        draft.move(Trigger.RELEASED, State.CANCELED, operation=cause)
