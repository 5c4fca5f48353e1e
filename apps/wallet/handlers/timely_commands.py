"""Which commands of a batch are to be executed: those that are in time and whose idempotency key is new."""

from collections.abc import Sequence
from typing import TypeVar

from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.wallet import FundAccount, OpenAccount
from outbox.transaction import Request, Transaction

C = TypeVar("C", OpenAccount, FundAccount)
_LATE = Problem(
    code="deadline_exceeded",
    detail="The request reached the wallet too late and changed nothing; repeat it with the same Idempotency-Key.",
)


async def timely_and_new(tx: Transaction, commands: Sequence[Envelope[C]]) -> list[Envelope[C]]:
    """Answer late and repeated commands, return the others.

    A late command's key is neither claimed nor answered under: the sender has given up waiting for this message, and
    its next one under the same key must find either the first result or a free key.
    """
    timely = []
    for command in commands:
        if command.is_late(tx.now):
            address = Request.of(command).model_copy(update={"idempotency": None})
            tx.answer(address, Reply(outcome=Outcome.REFUSED, problem=_LATE))
        else:
            timely.append(command)
    return await tx.first_time(timely) if timely else []
