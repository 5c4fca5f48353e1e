"""Take the customer's answer to an authentication."""

from apps.sandbox_processor.domain.executing import settle
from apps.sandbox_processor.domain.operation import Operation
from apps.sandbox_processor.domain.words import Status
from apps.sandbox_processor.handlers.network import Network
from apps.sandbox_processor.store import operations

FAILED = "authentication_failed"


def answer_authentication(
    network: Network, account: str, operation_id: str, *, approved: bool, now: float
) -> Operation:
    """Settle an operation that requires action; leave any other as it is. Raises KeyError when there is none."""
    with network.transaction() as database:
        operation = operations.by_id(database, account, operation_id)
        if operation is None:
            raise KeyError(operation_id)
        if operation.status is not Status.REQUIRES_ACTION:
            return operation
        step = settle(operation, Status.APPROVED) if approved else settle(operation, Status.DECLINED, FAILED)
        network.save(step, now)
    return step.operations[0]
