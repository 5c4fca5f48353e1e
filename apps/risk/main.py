"""Composition root of the risk service."""

from apps.risk.domain.rule_sets.baseline import BASELINE
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from apps.risk.settings import RiskSettings
from apps.risk.subscribers import Parts, subscribe
from outbox.service import Service


def build(settings: RiskSettings, baseline: RuleSetDocument = BASELINE) -> Service:
    """Wire the service; `baseline` decides until people have made another rule set active."""
    service = Service("risk", settings)
    parts = Parts(
        baseline=baseline,
        answer_seconds=settings.answer_seconds,
        history_retention=settings.history_retention,
        cases=settings.case_policy,
        screening_threshold=settings.screening_threshold,
        database_url=settings.database_url,
        backtest_processes=settings.backtest_processes,
    )
    subscribe(service, parts)
    return service


def run() -> None:
    """Run the service until SIGTERM."""
    build(RiskSettings()).run()
