"""Composition root of the risk service."""

from apps.risk.domain.rules import rule_set
from apps.risk.settings import RiskSettings
from apps.risk.subscribers import subscribe
from outbox.service import Service


def build(settings: RiskSettings) -> Service:
    """Wire the service."""
    service = Service("risk", settings)
    subscribe(service, rule_set(settings.limits), settings.history_retention)
    return service


def run() -> None:
    """Run the service until SIGTERM."""
    build(RiskSettings()).run()
