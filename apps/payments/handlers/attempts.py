"""Starting an attempt: the customer's wish in the domain's terms, and the word to risk once it is recorded."""

from datetime import datetime
from typing import Any, TypeAlias

from apps.payments.domain.confirming import Confirmation
from apps.payments.domain.intents import Intent
from apps.payments.domain.public_view import public_view
from contracts.ids import new_id
from contracts.message import Envelope, Outcome, Reply
from contracts.payments import ConfirmPaymentIntent, CreatePaymentIntent
from contracts.risk import Assess, RiskDecision
from outbox.transaction import Request, Transaction

DECISIONS = RiskDecision.contract.subject.replace("*", "payments")
"""The subject on which risk answers this service."""
Starter: TypeAlias = Envelope[CreatePaymentIntent] | Envelope[ConfirmPaymentIntent]


def wish(command: Starter, deadline: datetime) -> Confirmation:
    """Return the wish to start an attempt, under fresh ids; risk has until `deadline`."""
    return Confirmation(
        intent_id=command.data.payment_intent_id,
        customer=command.data.customer,
        assessment_id=new_id(),
        transfer_id=new_id(),
        asked_by=Request.of(command).model_dump_json(exclude_none=True),
        deadline_at=deadline,
    )


def start(tx: Transaction, command: Starter, intent: Intent) -> None:
    """Ask risk about the intent's new attempt, and tell the customer that it is under way."""
    tx.say(
        Assess.model_construct(
            assessment_id=intent.current.assessment_id,
            payment_intent_id=intent.id,
            payer=intent.customer,
            source_wallet=intent.source_wallet,
            destination_wallet=intent.destination_wallet,
            amount=intent.amount,
            currency=intent.currency,
        ),
        command,
        replyto=DECISIONS,
    )
    tx.answer(command, Reply(outcome=Outcome.ACCEPTED, resource=as_resource(intent)))


def as_resource(intent: Intent) -> dict[str, Any]:
    """Return the intent as JSON values, as an answer carries it."""
    return public_view(intent).model_dump(mode="json", exclude_none=True)
