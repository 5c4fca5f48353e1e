"""Which handler takes which messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from apps.payments import queries
from apps.payments.domain.deciding import Terms
from apps.payments.domain.signing import SigningKeys
from apps.payments.handlers.hear_ledger import hear_ledger
from apps.payments.handlers.hear_risk import hear_risk
from apps.payments.handlers.sweeps import ask_ledger_again, end_waits, miss_processors
from apps.payments.handlers.take_commands import take_commands
from apps.payments.processors.port import Processor
from apps.payments.queries.accept_webhook import accept_webhook
from apps.payments.queries.deliveries import list_deliveries, redeliver, replay_events
from apps.payments.queries.parked_webhooks import list_parked_webhooks, retry_webhook
from apps.payments.queries.webhook_endpoints import (
    EndpointRequests,
    get_webhook_endpoint,
    get_webhook_keys,
    list_webhook_endpoints,
)
from contracts.payments import (
    AcceptWebhook,
    CreateWebhookEndpoint,
    DeleteWebhookEndpoint,
    GetDispute,
    GetOutcome,
    GetPaymentIntent,
    GetProcessorOperation,
    GetRefund,
    GetTimeline,
    GetWebhookEndpoint,
    GetWebhookKeys,
    ListDeliveries,
    ListDisputes,
    ListParkedWebhooks,
    ListPaymentIntents,
    ListProcessorOperations,
    ListRefunds,
    ListWebhookEndpoints,
    Redeliver,
    ReplayEvents,
    RetryWebhook,
    RotateWebhookSecret,
    SendTestEvent,
    UpdateWebhookEndpoint,
)
from outbox.outcomes import get_outcome
from outbox.service import Service

SWEEP_SECONDS = 1.0
ASK_AGAIN_SECONDS = 10.0
MISS_SECONDS = 60.0


@dataclass(frozen=True)
class Parts:
    """What the handlers need besides their messages."""

    terms: Terms
    processors: Mapping[str, Processor]
    endpoints: EndpointRequests
    keys: SigningKeys


def subscribe(service: Service, parts: Parts) -> None:
    """Bind the room's handlers."""
    terms = parts.terms
    service.consume("payments-commands", partial(take_commands, terms=terms))
    service.consume("payments-risk-decision", partial(hear_risk, terms=terms))
    service.consume("payments-ledger-outcome", partial(hear_ledger, terms=terms))
    service.every(SWEEP_SECONDS, partial(end_waits, terms=terms))
    service.every(ASK_AGAIN_SECONDS, ask_ledger_again)
    service.every(MISS_SECONDS, partial(miss_processors, known=list(parts.processors)))
    _answer_about_payments(service)
    _answer_about_webhooks(service, parts)


def _answer_about_payments(service: Service) -> None:
    service.answer(GetPaymentIntent, queries.get_payment_intent)
    service.answer(ListPaymentIntents, queries.list_payment_intents)
    service.answer(GetOutcome, get_outcome)
    service.answer(GetTimeline, queries.get_timeline)
    service.answer(GetRefund, queries.get_refund)
    service.answer(ListRefunds, queries.list_refunds)
    service.answer(GetDispute, queries.get_dispute)
    service.answer(ListDisputes, queries.list_disputes)
    service.answer(GetProcessorOperation, queries.get_processor_operation)
    service.answer(ListProcessorOperations, queries.list_processor_operations)


def _answer_about_webhooks(service: Service, parts: Parts) -> None:
    transactions, endpoints = service.transactions, parts.endpoints
    service.answer(AcceptWebhook, partial(accept_webhook, transactions=transactions, processors=parts.processors))
    service.answer(ListParkedWebhooks, list_parked_webhooks)
    service.answer(RetryWebhook, partial(retry_webhook, transactions))
    service.answer(CreateWebhookEndpoint, endpoints.create)
    service.answer(UpdateWebhookEndpoint, endpoints.update)
    service.answer(DeleteWebhookEndpoint, endpoints.delete)
    service.answer(RotateWebhookSecret, endpoints.rotate)
    service.answer(SendTestEvent, endpoints.send_test_event)
    service.answer(GetWebhookEndpoint, get_webhook_endpoint)
    service.answer(ListWebhookEndpoints, list_webhook_endpoints)
    service.answer(GetWebhookKeys, partial(get_webhook_keys, parts.keys))
    service.answer(ListDeliveries, list_deliveries)
    service.answer(Redeliver, partial(redeliver, transactions))
    service.answer(ReplayEvents, partial(replay_events, transactions))
