"""A confirmation starts an attempt to pay: the first one, or another after a decline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from apps.payments.domain.intents import Attempt, Intent
from apps.payments.domain.public_view import public_status
from apps.payments.domain.transitions import Trigger, next_state, states_that_allow
from contracts.message import Problem

NOT_FOUND = Problem(
    code="payment_intent_not_found",
    detail="There is no such payment intent among yours.",
    parameter="payment_intent_id",
)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A customer's wish to start an attempt, with the fresh ids that the attempt would go by."""

    intent_id: UUID
    customer: UUID
    assessment_id: UUID
    transfer_id: UUID
    asked_by: str
    deadline_at: datetime


def confirm(intent: Intent | None, wish: Confirmation, now: datetime) -> Intent | Problem:
    """Return the intent with its new attempt, waiting for risk until the deadline; or why it cannot be confirmed.

    The order of refusals: `payment_intent_not_found` (also for somebody else's), `payment_intent_unexpected_state`.
    """
    if intent is None or intent.customer != wish.customer:
        return NOT_FOUND
    state = next_state(intent.state, Trigger.CONFIRM)
    if state is None:
        return _unexpected_state(intent)
    number = intent.attempt.number + 1 if intent.attempt else 1
    return replace(
        intent,
        state=state,
        attempt=Attempt(number, wish.assessment_id, wish.transfer_id, wish.asked_by),
        last_payment_error=None,
        deadline_at=wish.deadline_at,
        updated_at=now,
    )


def confirm_all(
    intents: Mapping[UUID, Intent], wishes: Sequence[Confirmation], now: datetime
) -> list[Intent | Problem]:
    """Decide wish by wish, each on what the ones before it left; results are in the order of the wishes."""
    current = dict(intents)
    results: list[Intent | Problem] = []
    for wish in wishes:
        result = confirm(current.get(wish.intent_id), wish, now)
        if isinstance(result, Intent):
            current[result.id] = result
        results.append(result)
    return results


def _unexpected_state(intent: Intent) -> Problem:
    legal = " or ".join(states_that_allow(Trigger.CONFIRM))
    detail = f"This payment intent is {public_status(intent.state)}; only one that is {legal} can be confirmed."
    return Problem(code="payment_intent_unexpected_state", detail=detail)
