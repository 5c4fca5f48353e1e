"""Execute an operation once, however often it is asked for."""

from dataclasses import dataclass

from apps.sandbox_processor.domain.answering import answer_after
from apps.sandbox_processor.domain.behaviours import Answering
from apps.sandbox_processor.domain.executing import About, behaviour_for, execute
from apps.sandbox_processor.domain.operation import Ask, Operation
from apps.sandbox_processor.domain.words import STARTERS, OperationType
from apps.sandbox_processor.handlers.network import Network
from apps.sandbox_processor.store import disputes, operations


class KeyReusedError(ValueError):
    """The same key came with another body."""


@dataclass(frozen=True, slots=True)
class Executed:
    """How an operation stands (None: it was not executed), and when and how that is answered."""

    operation: Operation | None
    answering: Answering = Answering.AT_ONCE
    after: float = 0.0


def execute_operation(network: Network, ask: Ask, now: float) -> Executed:
    """Execute an operation, or return how it stands if it was executed before. Raises KeyReusedError."""
    with network.transaction() as database:
        if known := operations.by_operation_id(database, ask.account, ask.operation_id):
            if known.fingerprint != ask.fingerprint:
                raise KeyReusedError
            return Executed(known)
        about = _about(network, ask)
        answering = behaviour_for(ask, about).answering
        if answering is Answering.UNAVAILABLE:
            return Executed(None, answering)
        if answering is Answering.REQUEST_LOST:
            if operations.lose(database, ask.account, ask.operation_id):
                return Executed(None, answering)
            answering = Answering.AT_ONCE
        after = answer_after(answering, network.delays, network.seed, ask.operation_id)
        step = execute(ask, about, network.seed, now)
        network.save(step, now, after)
    # What it is about was saved with it; it is the one that came with this key.
    executed = next(o for o in step.operations if o.operation_id == ask.operation_id)
    return Executed(executed, answering, after)


def _about(network: Network, ask: Ask) -> About:
    if ask.parent is None or ask.type in STARTERS:
        return About()
    if ask.type is OperationType.EVIDENCE:
        return About(dispute=disputes.found(network.database, ask.account, ask.parent))
    parent = operations.by_id(network.database, ask.account, ask.parent)
    root = operations.by_id(network.database, ask.account, parent.root) if parent and parent.root else parent
    return About(parent=parent, root=root)
