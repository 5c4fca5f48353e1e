"""The end of an attempt: the fact for everybody, and the final answer for the one who asked."""

from apps.payments.domain.intents import Intent
from apps.payments.domain.public_view import public_view
from apps.payments.domain.transitions import State
from contracts.message import Outcome, Reply
from contracts.payments import PaymentIntentFailed, PaymentIntentSucceeded
from outbox.transaction import Cause, Request, Transaction


def asked_by(intent: Intent) -> Request:
    """Return the request that set the intent's current attempt going."""
    return Request.model_validate_json(intent.current.asked_by)


def conclude(tx: Transaction, intent: Intent, cause: Cause) -> None:
    """Say how the attempt ended because of `cause`, and answer its request; a failure is an answer with a problem."""
    view = public_view(intent)
    fact = PaymentIntentSucceeded if intent.state is State.SUCCEEDED else PaymentIntentFailed
    tx.say(fact.model_construct(payment_intent=view), cause)
    resource = view.model_dump(mode="json", exclude_none=True)
    reply = Reply(outcome=Outcome.COMPLETED, resource=resource, problem=intent.last_payment_error)
    tx.answer(asked_by(intent), reply)
