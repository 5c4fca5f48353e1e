"""The payments that a batch of signals is about: found and locked, and how they stand after each signal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from types import MappingProxyType
from typing import TypeVar, assert_never
from uuid import UUID

from apps.payments.domain.deciding import Payment, Step
from apps.payments.domain.disputes import Dispute
from apps.payments.domain.operations import Operation
from apps.payments.domain.refunds import Refund
from apps.payments.domain.signals import (
    DisputeWord,
    HoldEnded,
    LedgerResult,
    OperationResult,
    RiskWord,
    Signal,
    Timeout,
    Wish,
)
from apps.payments.store import disputes, intents, operations, refunds
from apps.payments.store.intents import Names
from contracts.payments import CancelPaymentIntent, CreateRefund, SettleOperation, SubmitEvidence
from outbox.transaction import Transaction


@dataclass
class Batch:
    """Payments by intent id: `before` as they were found, `payments` as they stand after the steps so far.

    `settling` are the intents of operations that operators settle, also of those that are settled already.
    """

    before: dict[UUID, Payment]
    settling: InitVar[Mapping[UUID, UUID]] = MappingProxyType({})
    payments: dict[UUID, Payment] = field(init=False)
    operations: dict[UUID, Operation] = field(default_factory=dict)
    _of: dict[UUID, UUID] = field(default_factory=dict)

    def __post_init__(self, settling: Mapping[UUID, UUID]) -> None:
        self.payments = dict(self.before)
        self._of.update(settling)
        for payment in self.before.values():
            self._know(payment.intent.id, payment.operations.values())
            for identifier in payment.disputes:
                self._of[identifier] = payment.intent.id

    def concerned(self, signal: Signal) -> Payment | None:
        """Return the payment that a signal is about, as it stands by now."""
        return self.payments.get(self._intent_id(signal))

    def _intent_id(self, signal: Signal) -> UUID:
        """Return the id of the signal's intent, or the name that none is known by."""
        match signal:
            case Wish(command=command):
                if isinstance(command, SubmitEvidence):
                    return self._of.get(command.dispute_id, command.dispute_id)
                if isinstance(command, SettleOperation):
                    return self._of.get(command.operation_id, command.operation_id)
                return command.payment_intent_id
            case RiskWord() | Timeout() | DisputeWord():
                return signal.intent_id
            case LedgerResult() | OperationResult():
                return self._of.get(signal.operation_id, signal.operation_id)
            case HoldEnded():
                return self._of.get(signal.reference, signal.reference)
            case _:
                assert_never(signal)

    def take(self, step: Step) -> None:
        """Go on from a step."""
        identifier = step.payment.intent.id
        self.payments[identifier] = step.payment
        if step.operations:
            self.operations |= step.operations
            self._know(identifier, step.operations.values())

    def _know(self, intent_id: UUID, known: Iterable[Operation]) -> None:
        for operation in known:
            self._of[operation.id] = self._of[operation.subject_id] = intent_id

    def changed(self) -> list[Payment]:
        """Return the payments that are no longer as they were found, in the order of their ids."""
        moved = (p for identifier, p in self.payments.items() if p is not self.before.get(identifier))
        return sorted(moved, key=lambda payment: payment.intent.id)


async def load_batch(tx: Transaction, signals: Sequence[Signal]) -> Batch:
    """Find and lock the payments that signals are about, with all that the rules go by."""
    commands = [signal.command for signal in signals if isinstance(signal, Wish)]
    settling = await operations.intents_of(tx, {c.operation_id for c in commands if isinstance(c, SettleOperation)})
    names = _names(signals)
    names.intents.update(settling.values())
    found = await intents.lock(tx, names)
    await operations.lock(tx, settling)
    unsettled = await operations.load_unsettled(tx, found) if found and any(map(_needs_operations, signals)) else []
    parts = {o.subject_id for o in unsettled if o.subject_id != o.intent_id}
    asked = {c.refund_id: c.payment_intent_id for c in commands if isinstance(c, CreateRefund)}
    loaded = {refund.id: refund for refund in await refunds.load(tx, parts | asked.keys())}
    contested = {(s.processor, s.news.reference) for s in signals if isinstance(s, DisputeWord)}
    answered = {c.dispute_id for c in commands if isinstance(c, SubmitEvidence)}
    operations_of = _by_intent((o.intent_id, o) for o in unsettled)
    # A refund that is asked for and is there already is shown to the payment that it is asked of, whose ever it is.
    refunds_of = _by_intent((asked.get(refund.id, refund.intent_id), refund) for refund in loaded.values())
    disputes_of = _by_intent((d.intent_id, d) for d in await disputes.load(tx, parts | answered, contested))
    return Batch(
        {
            i: Payment(intent, operations_of.get(i, {}), refunds_of.get(i, {}), disputes_of.get(i, {}))
            for i, intent in found.items()
        },
        settling,
    )


T = TypeVar("T", Operation, Refund, Dispute)


def _by_intent(parts: Iterable[tuple[UUID, T]]) -> dict[UUID, dict[UUID, T]]:
    sorted_out: dict[UUID, dict[UUID, T]] = {}
    for intent_id, part in parts:
        sorted_out.setdefault(intent_id, {})[part.id] = part
    return sorted_out


def _names(signals: Sequence[Signal]) -> Names:
    names = Names()
    for signal in signals:
        match signal:
            case Wish(command=command):
                if isinstance(command, SubmitEvidence):
                    names.disputes.add(command.dispute_id)
                elif not isinstance(command, SettleOperation):
                    names.intents.add(command.payment_intent_id)
            case RiskWord() | Timeout() | DisputeWord():
                names.intents.add(signal.intent_id)
            case LedgerResult() | OperationResult():
                names.operations.add(signal.operation_id)
            case HoldEnded():
                names.subjects.add(signal.reference)
                names.intents.add(signal.reference)
            case _:
                assert_never(signal)
    return names


def _needs_operations(signal: Signal) -> bool:
    """Tell whether the rules about a signal go by what is unsettled; those about the others start something new."""
    match signal:
        case LedgerResult() | OperationResult() | HoldEnded() | Timeout():
            return True
        case Wish(command=CancelPaymentIntent() | SettleOperation()):
            return True
        case _:
            return False
