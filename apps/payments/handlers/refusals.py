"""Saying no to a command: an answer, never an exception."""

from contracts.message import Envelope, Message, Outcome, Problem, Reply
from outbox.transaction import Request, Transaction

TOO_LATE = Problem(
    code="deadline_exceeded",
    detail="The request waited too long and was not executed. Send it again, with the same Idempotency-Key.",
)


def refuse(tx: Transaction, command: Envelope[Message], problem: Problem) -> None:
    """Refuse a command; the refusal is kept under its idempotency key."""
    tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=problem))


def refuse_late(tx: Transaction, command: Envelope[Message]) -> None:
    """Refuse a command that nobody waits for any more, and leave its key alone: a retry is to be executed."""
    unkeyed = Request.of(command).model_copy(update={"idempotency": None})
    tx.answer(unkeyed, Reply(outcome=Outcome.REFUSED, problem=TOO_LATE))
