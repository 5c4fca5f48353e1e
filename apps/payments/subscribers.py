"""Which handler takes which messages."""

from datetime import timedelta
from functools import partial

from apps.payments.handlers.apply_risk_decisions import apply_risk_decisions
from apps.payments.handlers.apply_transfer_outcomes import apply_transfer_outcomes
from apps.payments.handlers.confirm_payment_intents import confirm_payment_intents
from apps.payments.handlers.create_payment_intents import create_payment_intents
from apps.payments.handlers.expire_assessments import expire_assessments
from apps.payments.queries import get_payment_intent
from contracts.payments import GetPaymentIntent
from outbox.service import Service

SWEEP_SECONDS = 1.0


def subscribe(service: Service, risk_deadline: timedelta) -> None:
    """Bind the room's handlers; a payment waits `risk_deadline` for its risk decision."""
    service.consume("payments-create-payment-intent", partial(create_payment_intents, risk_deadline=risk_deadline))
    service.consume("payments-confirm-payment-intent", partial(confirm_payment_intents, risk_deadline=risk_deadline))
    service.consume("payments-risk-decision", apply_risk_decisions)
    service.consume("payments-transfer-outcome", apply_transfer_outcomes)
    service.every(SWEEP_SECONDS, expire_assessments)
    service.answer(GetPaymentIntent, get_payment_intent)
