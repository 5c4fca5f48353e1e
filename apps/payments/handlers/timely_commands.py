"""Which commands of a batch are to be executed: those that are in time and whose idempotency key is new."""

from collections.abc import Sequence
from typing import TypeVar

from apps.payments import store
from apps.payments.handlers.refusals import refuse_late
from contracts.message import Envelope
from contracts.payments import ConfirmPaymentIntent, CreatePaymentIntent
from outbox.transaction import Transaction

C = TypeVar("C", CreatePaymentIntent, ConfirmPaymentIntent)


async def timely_and_new(tx: Transaction, commands: Sequence[Envelope[C]]) -> list[Envelope[C]]:
    """Answer late and repeated commands, return the others.

    A late command whose key was used before is a repetition and gets the first answer. Any other late command is
    refused without claiming its key: a claim would keep the refusal for ever, or leave the key in progress for ever.
    """
    late = [command for command in commands if command.is_late(tx.now)]
    if not late:
        return await tx.first_time(commands)
    known = await store.known_keys(tx, [command.data.idempotency for command in late])
    given_up = {c.id for c in late if (c.data.idempotency.scope, c.data.idempotency.key) not in known}
    for command in late:
        if command.id in given_up:
            refuse_late(tx, command)
    return await tx.first_time([command for command in commands if command.id not in given_up])
