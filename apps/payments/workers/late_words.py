"""What processors say of operations that are settled already: nothing moves, and a contradiction is for a person."""

from collections.abc import Sequence
from uuid import UUID

from apps.payments.domain.operations import approves_something_else, contradicts
from apps.payments.domain.payment_errors import GIVEN_UP
from apps.payments.domain.signals import OperationResult
from apps.payments.store import inbound
from apps.payments.store.inbound import Settled
from contracts.payments import OperationNeedsAttention
from outbox.transaction import Transaction


async def told_otherwise(tx: Transaction, late: Sequence[OperationResult]) -> list[UUID | None]:
    """Tell a person what contradicts how an operation ended; return for each word the intent of one that does."""
    settled = await inbound.settled(tx, {said.operation_id for said in late})
    found: list[UUID | None] = []
    for said in late:
        operation = settled.get(said.operation_id)
        if operation is None or not _contradicts(operation, said):
            found.append(None)
            continue
        found.append(operation.intent_id)
        tx.say(_doubt(operation), None)
    return found


def _contradicts(operation: Settled, said: OperationResult) -> bool:
    # What was given up is voided, so that its charge is given back if there was one.
    if operation.problem == GIVEN_UP.code:
        return False
    verb, result = operation.verb, said.result
    if operation.by_hand and approves_something_else(verb, operation.amount, operation.currency, result):
        return True
    return contradicts(verb, operation.status, result.status, by_hand=operation.by_hand)


def _doubt(operation: Settled) -> OperationNeedsAttention:
    return OperationNeedsAttention(
        operation_id=operation.id,
        payment_intent=operation.intent_id,
        processor=operation.processor,
        asked_at=operation.asked_at,
        tries=operation.tries,
    )
