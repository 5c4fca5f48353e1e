"""Looks for what a payments command should have done, when nobody replied: what only it can have led to counts."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from contracts.message import Message, Outcome, Problem, Reply
from contracts.payments import (
    Dispute,
    DisputeStatus,
    GetDispute,
    GetPaymentIntent,
    GetRefund,
    PaymentIntent,
    PaymentStatus,
    Refund,
    RefundStatus,
)
from gateway.lookups import Find
from gateway.parts import Parts
from gateway.problems import ProblemError
from gateway.request_context import Caller, RequestContext

Judge = Callable[[PaymentIntent], Reply | None]
_DONE_BY_CONFIRMING = frozenset(
    {PaymentStatus.SUCCEEDED, PaymentStatus.REQUIRES_CAPTURE, PaymentStatus.REQUIRES_ACTION}
)


def looked_at(intent_id: UUID, judge: Judge, caller: Caller, parts: Parts, context: RequestContext) -> Find:
    """Return a search that reads the intent and lets `judge` tell what the reply was, where that is certain."""

    async def find() -> Reply | None:
        query = GetPaymentIntent.model_construct(id=intent_id, customer=caller.user)
        resource = await _resource(query, "payment_intent_not_found", parts, context)
        return judge(PaymentIntent.model_validate(resource)) if resource else None

    return find


def created(intent: PaymentIntent) -> Reply | None:
    """Return what the reply to the creation must have been, now that the intent's state is known."""
    if intent.status is PaymentStatus.PROCESSING:
        return _reply(Outcome.ACCEPTED, intent)
    return _reply(Outcome.COMPLETED, intent, intent.last_payment_error)


def confirmed(intent: PaymentIntent) -> Reply | None:
    """Return the same for a confirmation; in its other states an intent may not have heard of this one yet."""
    if intent.status is PaymentStatus.PROCESSING:
        return _reply(Outcome.ACCEPTED, intent)
    return _reply(Outcome.COMPLETED, intent) if intent.status in _DONE_BY_CONFIRMING else None


def captured(intent: PaymentIntent) -> Reply | None:
    """Return the same for a capture: one that is in progress, or after which nothing more can be captured."""
    if intent.status is PaymentStatus.PROCESSING:
        return _reply(Outcome.ACCEPTED, intent)
    return _reply(Outcome.COMPLETED, intent) if intent.status is PaymentStatus.SUCCEEDED else None


def canceled(intent: PaymentIntent) -> Reply | None:
    """Return the same for a cancellation."""
    return _reply(Outcome.COMPLETED, intent) if intent.status is PaymentStatus.CANCELED else None


def updated(changes: Mapping[str, Any]) -> Judge:
    """Return a judge of an update: whether the intent shows all of what was to change, as it never does of a token."""

    def judge(intent: PaymentIntent) -> Reply | None:
        shows_all = all(getattr(intent, name) == value for name, value in changes.items())
        return _reply(Outcome.COMPLETED, intent) if shows_all else None

    return judge


def refunded(refund_id: UUID, caller: Caller, parts: Parts, context: RequestContext) -> Find:
    """Return a search for a refund."""

    async def find() -> Reply | None:
        query = GetRefund.model_construct(id=refund_id, party=caller.user)
        resource = await _resource(query, "refund_not_found", parts, context)
        if resource is None:
            return None
        refund = Refund.model_validate(resource)
        outcome = Outcome.ACCEPTED if refund.status is RefundStatus.PENDING else Outcome.COMPLETED
        return Reply(outcome=outcome, resource=resource, problem=refund.failure)

    return find


def answered(
    dispute_id: UUID, evidence: Mapping[str, str], caller: Caller, parts: Parts, context: RequestContext
) -> Find:
    """Return a search for a dispute that has been answered with this evidence."""

    async def find() -> Reply | None:
        query = GetDispute.model_construct(id=dispute_id, party=caller.user)
        resource = await _resource(query, "dispute_not_found", parts, context)
        dispute = Dispute.model_validate(resource) if resource else None
        if resource is None or dispute is None or dispute.evidence != evidence:
            return None
        on_its_way = dispute.status is DisputeStatus.NEEDS_RESPONSE
        return Reply(outcome=Outcome.ACCEPTED if on_its_way else Outcome.COMPLETED, resource=resource)

    return find


async def _resource(query: Message, unknown: str, parts: Parts, context: RequestContext) -> Mapping[str, Any] | None:
    """Ask for a resource; return None where its owner does not know it (yet)."""
    try:
        return await parts.queries.ask(query, context)
    except ProblemError as problem:
        if problem.code == unknown:
            return None
        raise


def _reply(outcome: Outcome, intent: PaymentIntent, problem: Problem | None = None) -> Reply:
    return Reply(outcome=outcome, resource=intent.model_dump(mode="json", exclude_none=True), problem=problem)
