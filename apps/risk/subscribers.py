"""Which handler takes which message, and which job runs how often."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pydantic import SecretStr

from apps.risk.domain.cases import CasePolicy
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from apps.risk.handlers import decide_reviews, hear_identity, hear_payments, labels, limits
from apps.risk.handlers.active_documents import ActiveDocuments
from apps.risk.handlers.active_rules import ActiveRules
from apps.risk.handlers.assess import Assessor
from apps.risk.handlers.backtests import change_backtests
from apps.risk.handlers.cases import CaseWork, measure_cases
from apps.risk.handlers.degraded_answers import DegradedAnswers
from apps.risk.handlers.forget_history import forget_history
from apps.risk.handlers.known_denials import KnownDenials
from apps.risk.handlers.risk_models import change_models
from apps.risk.handlers.rule_sets import change_rule_sets, install_baseline
from apps.risk.handlers.screenings import follow_cases
from apps.risk.handlers.shadows import Decided
from apps.risk.queries import cases, decisions, reviews, risk_models
from apps.risk.queries import customers as customer_queries
from apps.risk.queries import labels as label_queries
from apps.risk.queries import limits as limit_queries
from apps.risk.queries import rule_sets as rule_set_queries
from apps.risk.screening_subscribers import subscribe_screening
from apps.risk.workers.backtests import Backtests
from apps.risk.workers.moved_money import MovedMoney
from apps.risk.workers.shadows import Shadows
from contracts.risk import (
    GetBacktest,
    GetCase,
    GetCustomer,
    GetDecision,
    GetLabel,
    GetModel,
    GetOutcome,
    GetQuality,
    GetRuleSet,
    GetSuspiciousActivityReport,
    ListBacktestFlips,
    ListBacktests,
    ListCaseEvents,
    ListCases,
    ListDecisions,
    ListLimitChanges,
    ListLimits,
    ListModels,
    ListReviews,
    ListRuleSets,
    ListShadowFlips,
)
from outbox.deadlines import AnswerBy
from outbox.outcomes import get_outcome
from outbox.service import Service
from outbox.workers import Worker

FORGET_EVERY_SECONDS = 10.0
RECORD_EVERY_SECONDS = 1.0
MEASURE_CASES_EVERY_SECONDS = 15.0


@dataclass(frozen=True)
class Parts:
    """What the handlers need besides their messages; `baseline` decides until people have made other rules active."""

    baseline: RuleSetDocument
    answer_seconds: float
    history_retention: timedelta
    cases: CasePolicy
    screening_threshold: int
    database_url: SecretStr
    backtest_processes: int


def subscribe(service: Service, parts: Parts) -> None:
    """Bind every handler, query, worker and job of the room."""
    rules = ActiveRules(parts.baseline, ActiveDocuments().find)
    denials = KnownDenials()
    degraded = DegradedAnswers(rules, denials)
    in_time = AnswerBy(parts.answer_seconds, degraded.instead)
    beneficiaries = subscribe_screening(service, parts.screening_threshold, parts.cases)
    assessor = Assessor(rules, degraded, parts.cases, beneficiaries.screen, _subscribe_rule_sets(service, parts))
    service.before_start(partial(rules.begin, service.transactions))
    service.before_start(partial(denials.refresh, service.database))
    service.consume("risk-assess", assessor.assess, answer_by=in_time)
    service.consume("risk-decide-review", decide_reviews.decide)
    service.consume("risk-cases", CaseWork(parts.cases, follow_cases).work)
    service.consume("risk-labels", labels.label)
    service.consume("risk-disputes", labels.hear_disputes)
    service.consume("risk-models", change_models)
    service.consume("risk-payments", hear_payments.hear)
    service.consume("risk-limits", limits.change)
    service.consume("risk-customers", hear_identity.hear)
    service.answer(GetOutcome, get_outcome)
    service.answer(ListReviews, reviews.list_reviews)
    service.answer(GetDecision, decisions.get_decision)
    service.answer(ListDecisions, decisions.list_decisions)
    service.answer(GetCase, cases.get_case)
    service.answer(ListCases, cases.list_cases)
    service.answer(ListCaseEvents, cases.list_case_events)
    service.answer(GetSuspiciousActivityReport, cases.get_report)
    service.answer(GetLabel, label_queries.get_label)
    service.answer(GetQuality, label_queries.get_quality)
    service.answer(ListLimits, limit_queries.list_limits)
    service.answer(ListLimitChanges, limit_queries.list_limit_changes)
    service.answer(GetCustomer, customer_queries.get_customer)
    service.answer(GetModel, risk_models.get_model)
    service.answer(ListModels, risk_models.list_models)
    service.work(Worker("degraded answers", partial(degraded.record, service.transactions), RECORD_EVERY_SECONDS))
    service.work(denials.worker(service.database))
    service.work(MovedMoney(service.database, service.transactions).worker())
    service.every(MEASURE_CASES_EVERY_SECONDS, measure_cases)
    service.every(FORGET_EVERY_SECONDS, partial(forget_history, parts.history_retention))


def _subscribe_rule_sets(service: Service, parts: Parts) -> Decided:
    """Bind what has to do with the change of rules; return where the decisions wait that shadows judge, too."""
    decided = Decided()
    service.before_start(partial(install_baseline, service.transactions, parts.baseline))
    service.consume("risk-rule-sets", change_rule_sets)
    service.consume("risk-backtests", change_backtests)
    service.answer(GetRuleSet, rule_set_queries.get_rule_set)
    service.answer(ListRuleSets, rule_set_queries.list_rule_sets)
    service.answer(ListShadowFlips, rule_set_queries.list_shadow_flips)
    service.answer(GetBacktest, rule_set_queries.get_backtest)
    service.answer(ListBacktests, rule_set_queries.list_backtests)
    service.answer(ListBacktestFlips, rule_set_queries.list_backtest_flips)
    service.work(Shadows(service.database, service.transactions, decided).worker())
    url = parts.database_url.get_secret_value()
    service.work(Backtests(service.database, service.transactions, url, parts.backtest_processes).worker())
    return decided
