"""A merchant takes what is authorised, all at once or bit by bit."""

from apps.payments.domain import payment_errors as errors
from apps.payments.domain.deciding import asking, posting
from apps.payments.domain.deciding.step import Draft
from apps.payments.domain.signals import Wish
from apps.payments.domain.transitions import State, Trigger, is_legal
from contracts.message import Problem
from contracts.payments import CapturePaymentIntent


def capture(draft: Draft, wish: Wish, asked: CapturePaymentIntent) -> Problem | None:
    """Take `amount`; the rest is given back with it if it is the final capture."""
    intent = draft.intent
    if intent.merchant != asked.merchant:
        return errors.NOT_FOUND
    if not is_legal(intent.state, Trigger.CAPTURE):
        return errors.unexpected_state(intent.state, Trigger.CAPTURE)
    amount = asked.amount or intent.capturable
    if amount > intent.capturable:
        return errors.exceeds_capturable(intent.capturable)
    draft.begin(wish)
    final = asked.final or amount == intent.capturable
    if intent.by_wallet:
        posting.post(draft, Trigger.CAPTURE, amount, final_capture=final, last_payment_error=None)
    else:
        draft.move(Trigger.CAPTURE, State.CAPTURING, capturing=amount, final_capture=final, last_payment_error=None)
        asking.ask_capture(draft)
    draft.accept()
    return None
