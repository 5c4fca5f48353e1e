"""Confirm payment intents: for the first time, or again after a decline."""

from collections.abc import Sequence
from datetime import timedelta

from apps.payments import store
from apps.payments.domain.confirming import confirm_all
from apps.payments.domain.intents import Intent
from apps.payments.handlers.attempts import start, wish
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.payments import ConfirmPaymentIntent
from outbox.transaction import Transaction


async def confirm_payment_intents(
    tx: Transaction, commands: Sequence[Envelope[ConfirmPaymentIntent]], *, risk_deadline: timedelta
) -> None:
    """Start one attempt a command.

    Refused: `deadline_exceeded`, `payment_intent_not_found`, `payment_intent_unexpected_state`.
    """
    wanted = await tx.first_time(commands)
    intents = await store.lock(tx, [command.data.payment_intent_id for command in wanted])
    deadline = tx.now + risk_deadline
    results = confirm_all(intents, [wish(command, deadline) for command in wanted], tx.now)
    await store.update(tx, [result for result in results if isinstance(result, Intent)])
    for command, result in zip(wanted, results, strict=True):
        if isinstance(result, Problem):
            tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=result))
        else:
            start(tx, command, result)
