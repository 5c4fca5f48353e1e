"""Payment intents, refunds and disputes as their parties see them, and operations as operators do."""

from functools import cache

from apps.payments.domain.disputes import Dispute
from apps.payments.domain.intents import Intent
from apps.payments.domain.operations import Operation
from apps.payments.domain.processing import Verb
from apps.payments.domain.refunds import Refund
from apps.payments.domain.transitions import State, operations_of, public_status
from contracts import payments
from contracts.payments import MethodShown, PaymentDirection, PaymentIntent, PaymentOperation, Settlement

_CAPTURABLE = frozenset({State.REQUIRES_CAPTURE, State.CAPTURING, State.POSTING})


def public_view(intent: Intent) -> PaymentIntent:
    """Return the message of an intent, unchecked: its values were checked when they came in.

    `transfer_id` is shown once the ledger has that transfer.
    """
    return PaymentIntent.model_construct(
        id=intent.id,
        customer=intent.customer,
        merchant=intent.merchant,
        direction=intent.direction,
        source_wallet=intent.source_wallet,
        destination_wallet=intent.destination_wallet,
        payment_method=_method(intent),
        processor=intent.processor,
        amount=intent.amount,
        currency=intent.currency,
        amount_capturable=intent.capturable if intent.state in _CAPTURABLE else 0,
        amount_captured=intent.captured,
        amount_refunded=intent.refunded,
        amount_disputed=intent.disputed + intent.lost,
        capture_method=intent.capture_method,
        application_fee=intent.application_fee,
        description=intent.description,
        statement_descriptor=intent.statement_descriptor,
        metadata=intent.metadata or None,
        status=public_status(intent.state),
        next_action=intent.next_action,
        allowed_operations=allowed_operations(intent),
        transfer_id=intent.current.transfer_id if intent.captured else None,
        last_payment_error=intent.last_payment_error,
        cancellation_reason=intent.cancellation_reason,
        capture_before=intent.capture_before if intent.state in _CAPTURABLE else None,
        created_at=intent.created_at,
        updated_at=intent.updated_at,
    )


def allowed_operations(intent: Intent) -> list[PaymentOperation]:
    """Return what a client may ask of the intent now."""
    can_refund = intent.refundable > 0 and intent.direction is not PaymentDirection.PAYOUT
    return list(_allowed(intent.state, can_refund))


@cache
def _allowed(state: State, can_refund: bool) -> tuple[PaymentOperation, ...]:
    return tuple(o for o in operations_of(state) if can_refund or o is not PaymentOperation.REFUND)


def _method(intent: Intent) -> MethodShown | None:
    if intent.method is None:
        return None
    return MethodShown.model_construct(
        type=intent.method.type, wallet=intent.source_wallet if intent.by_wallet else None
    )


def refund_view(refund: Refund) -> payments.Refund:
    """Return the message of a refund, unchecked."""
    return payments.Refund.model_construct(
        id=refund.id,
        payment_intent=refund.intent_id,
        amount=refund.amount,
        currency=refund.currency,
        reason=refund.reason,
        metadata=refund.metadata or None,
        status=refund.stage.public,
        failure=refund.failure,
        created_at=refund.created_at,
        updated_at=refund.updated_at,
    )


def dispute_view(dispute: Dispute) -> payments.Dispute:
    """Return the message of a dispute, unchecked."""
    return payments.Dispute.model_construct(
        id=dispute.id,
        payment_intent=dispute.intent_id,
        processor=dispute.processor,
        amount=dispute.amount,
        currency=dispute.currency,
        reason=dispute.reason,
        status=dispute.status,
        funds=dispute.funds,
        evidence=dispute.evidence,
        evidence_due_by=dispute.evidence_due_by,
        created_at=dispute.created_at,
        updated_at=dispute.updated_at,
    )


def operation_view(operation: Operation, settlement: Settlement | None) -> payments.ProcessorOperation:
    """Return the message of an operation at a processor, unchecked."""
    subject, verb = operation.subject_id, operation.verb
    return payments.ProcessorOperation.model_construct(
        id=operation.id,
        payment_intent=operation.intent_id,
        refund=subject if verb is Verb.REFUND else None,
        dispute=subject if verb is Verb.EVIDENCE else None,
        verb=payments.ProcessorVerb(verb.value),
        processor=str(operation.processor),
        amount=operation.amount,
        currency=operation.details["currency"],
        reference=operation.reference,
        status=payments.ProcessorOperationStatus(operation.status.value),
        tries=operation.tries,
        asked_at=operation.asked_at,
        next_at=operation.next_at,
        problem=operation.problem,
        settled_at=operation.settled_at,
        settlement=settlement,
    )
