"""Composition root of the payments service."""

from functools import partial

from apps.payments.handlers.signals import apply_signals
from apps.payments.processors import registry
from apps.payments.queries.webhook_endpoints import EndpointRequests
from apps.payments.settings import PaymentsSettings
from apps.payments.subscribers import Parts, subscribe
from apps.payments.workers.apply_webhooks import inbound_worker
from apps.payments.workers.call_processors import CallProcessors
from apps.payments.workers.check_ledger import LedgerCheck
from apps.payments.workers.check_ledger import worker as ledger_worker
from apps.payments.workers.deliver_webhooks import WebhookWorker, sending
from outbox.requester import Requester
from outbox.service import Service

WALLET_SECONDS = 5.0
"""How long the wallet may take to answer a question."""


def build(settings: PaymentsSettings) -> Service:
    """Return the service with its handlers and workers bound; nothing is connected yet."""
    service = Service("payments", settings)
    transactions, terms, inside = service.transactions, settings.terms(), settings.webhooks_to_private_addresses
    processors = registry.build(settings.processors)
    keys, box = settings.signing_keys(), settings.secret_box()
    endpoints = EndpointRequests(transactions, box, inside=inside)
    subscribe(service, Parts(terms, processors, endpoints, keys))

    apply = partial(apply_signals, terms=terms)
    bounds = {processor.name: processor.concurrency for processor in settings.processors}
    wallet = Requester("payments", service.broker.connect, WALLET_SECONDS)
    service.work(CallProcessors(transactions, processors, bounds, apply))
    service.work(inbound_worker(transactions, apply))
    service.work(WebhookWorker(transactions, sending(inside=inside, box=box, keys=keys)))
    service.work(ledger_worker(LedgerCheck(service.database, transactions, wallet)))
    return service


def run() -> None:
    """Live until SIGTERM. Raises InvalidSettingsError when a setting is missing."""
    build(PaymentsSettings()).run()
