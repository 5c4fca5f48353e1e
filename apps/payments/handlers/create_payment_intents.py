"""Create payment intents, and set those going that come confirmed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from apps.payments import store
from apps.payments.domain.confirming import confirm
from apps.payments.domain.intents import Intent
from apps.payments.domain.opening import ID_TAKEN, open_intent
from apps.payments.handlers.attempts import as_resource, start, wish
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.payments import CreatePaymentIntent
from outbox.transaction import Transaction

Command = Envelope[CreatePaymentIntent]


async def create_payment_intents(tx: Transaction, commands: Sequence[Command], *, risk_deadline: timedelta) -> None:
    """Create one intent a command. Refused: `deadline_exceeded`, `same_wallet`, `payment_intent_exists`."""
    wanted = await tx.first_time(commands)
    opened = [(command, _opened(command, tx.now, tx.now + risk_deadline)) for command in wanted]
    first: dict[UUID, Intent] = {}
    for _, result in opened:
        if isinstance(result, Intent):
            first.setdefault(result.id, result)
    free = await store.insert(tx, list(first.values()))
    for command, result in opened:
        if isinstance(result, Problem):
            tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=result))
        elif result.id not in free or first[result.id] is not result:
            tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=ID_TAKEN))
        else:
            _announce(tx, command, result)


def _opened(command: Command, now: datetime, deadline: datetime) -> Intent | Problem:
    intent = open_intent(command.data, now)
    if isinstance(intent, Problem) or not command.data.confirm:
        return intent
    return confirm(intent, wish(command, deadline), now)


def _announce(tx: Transaction, command: Command, intent: Intent) -> None:
    if intent.attempt:
        start(tx, command, intent)
    else:
        tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=as_resource(intent)))
