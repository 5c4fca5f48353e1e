"""Composition root of the payments service."""

from apps.payments.settings import PaymentsSettings
from apps.payments.subscribers import subscribe
from outbox.service import Service


def build(settings: PaymentsSettings) -> Service:
    """Return the service with its handlers bound; nothing is connected yet."""
    service = Service("payments", settings)
    subscribe(service, settings.risk_deadline)
    return service


def run() -> None:
    """Live until SIGTERM. Raises InvalidSettingsError when a setting is missing."""
    build(PaymentsSettings()).run()
