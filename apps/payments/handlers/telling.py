"""Says what follows from steps: commands to other rooms, events, answers, and the hops that remember them."""

from collections.abc import Sequence

import orjson
from prometheus_client import Counter

from apps.payments.domain.deciding import Answer, Fact, Payment, Step
from apps.payments.store.hops import HopRow
from contracts.message import Envelope, Reply
from contracts.risk import Assess, RiskDecision
from outbox.envelopes import data_json
from outbox.transaction import Cause, Request, Transaction

DECISIONS = RiskDecision.contract.subject.replace("*", "payments")
"""The subject on which risk answers this service."""
EVENTS = "payments.events."
TOLD = Counter("ledgerlink_payments_events_total", "What became of payments, refunds and disputes, by event", ["event"])


def tell(tx: Transaction, step: Step, cause: Cause | None) -> Sequence[HopRow]:
    """Say what a step says, because of `cause`, and return its hops.

    Without a cause (a processor's word, the clock) it follows from the command that set the payment going.
    """
    why = cause or _asked(step.payment.intent.asked_by)
    for operation, kind in step.asked:
        tx.say_encoded(kind, operation.asked.encode(), why)
    for message in step.said:
        tx.say(message, why, replyto=DECISIONS if isinstance(message, Assess) else None)
    hops = [_hop(tx, step.payment, fact, why, cause) for fact in step.facts]
    for answer in step.answers:
        _answer(tx, answer, why)
    return hops


def _asked(asked_by: str | None) -> Request | None:
    return Request.model_validate_json(asked_by) if asked_by else None


def _hop(tx: Transaction, payment: Payment, fact: Fact, why: Cause | None, cause: Cause | None) -> HopRow:
    intent, event = payment.intent, fact.event
    data = data_json(event) if event else None
    name = event.contract.subject.removeprefix(EVENTS) if event else None
    if name:
        TOLD.labels(name).inc()
    return HopRow(
        intent_id=intent.id,
        number=fact.number,
        at=tx.now,
        trigger=fact.trigger,
        state=fact.state.value,
        cause=cause.id if cause else None,
        operation=fact.operation,
        event_id=tx.say_encoded(type(event), data, why) if event and data else None,
        event=name,
        data=data.decode() if data else None,
        customer=intent.customer,
        merchant=intent.merchant,
        traceparent=why.traceparent if why else None,
    )


def _answer(tx: Transaction, answer: Answer, why: Cause | None) -> None:
    """Answer a command: mostly the one that is being worked on, whose address needs no reading."""
    address = Request.model_validate_json(answer.to)
    to = why if isinstance(why, Envelope) and why.id == address.id else address
    resource = orjson.loads(data_json(answer.resource))
    tx.answer(to, Reply(outcome=answer.outcome, resource=resource, problem=answer.problem))
