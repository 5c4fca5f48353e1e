"""Apply what was to happen later and is due now."""

from apps.sandbox_processor.domain import disputing
from apps.sandbox_processor.domain.executing import settle
from apps.sandbox_processor.domain.operation import Change, Step
from apps.sandbox_processor.domain.words import DisputeStatus, Status
from apps.sandbox_processor.handlers.network import Network
from apps.sandbox_processor.store import changes, disputes, operations

_VERDICTS = {Change.WIN_DISPUTE: DisputeStatus.WON, Change.LOSE_DISPUTE: DisputeStatus.LOST}


def apply_due_change(network: Network, now: float) -> bool:
    """Apply the next change that is due, in a transaction of its own; return False when there is none."""
    with network.transaction() as database:
        due = changes.take_due(database, now)
        if due is not None:
            network.save(_step(network, *due, now), now)
    return due is not None


def _step(network: Network, change: Change, subject: str, now: float) -> Step:
    if change in {Change.SETTLE, Change.OPEN_DISPUTE}:
        return _operation_step(network, change, subject, now)
    return _dispute_step(network, change, subject)


def _operation_step(network: Network, change: Change, subject: str, now: float) -> Step:
    operation = operations.of_any_account(network.database, subject)
    if operation is None:
        return Step()
    if change is Change.SETTLE:
        return settle(operation, Status.APPROVED)
    root = operations.of_any_account(network.database, operation.root) if operation.root else operation
    return disputing.open_dispute(operation, root, network.seed, now) if root else Step()


def _dispute_step(network: Network, change: Change, subject: str) -> Step:
    dispute = disputes.of_any_account(network.database, subject)
    root = operations.of_any_account(network.database, dispute.root) if dispute else None
    if dispute is None or root is None:
        return Step()
    if change is Change.EVIDENCE_DUE:
        return disputing.miss_evidence(dispute, root)
    return disputing.close_dispute(dispute, root, _VERDICTS[change])
