"""Close a dispute on request: what the customer's bank decides in real life."""

from apps.sandbox_processor.domain import disputing
from apps.sandbox_processor.domain.operation import Dispute
from apps.sandbox_processor.domain.words import DisputeStatus
from apps.sandbox_processor.handlers.network import Network
from apps.sandbox_processor.store import disputes, operations


def close_dispute(network: Network, account: str, reference: str, status: DisputeStatus, now: float) -> Dispute:
    """Close a dispute as won or lost; leave a closed one as it is. Raises KeyError when there is none."""
    with network.transaction() as database:
        dispute = disputes.found(database, account, reference)
        root = operations.by_id(database, account, dispute.root) if dispute else None
        if dispute is None or root is None:
            raise KeyError(reference)
        step = disputing.close_dispute(dispute, root, status)
        network.save(step, now)
    return step.disputes[0] if step.disputes else dispute
