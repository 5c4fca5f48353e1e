"""Degraded answers: where a decision is not there in time, the rule set's policy for the amount answers instead.

It approves nothing that the deny list has, as far as this process knows, and nobody with a confirmed sanctions match.

The decision itself follows. What was answered is kept, and counted where the decision turns out otherwise.
"""

from collections import OrderedDict
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

import structlog
from prometheus_client import Counter

from apps.risk.domain.assessing import Decision
from apps.risk.domain.denials import Doubt
from apps.risk.domain.rule_sets.degraded import degraded_outcome
from apps.risk.handlers.active_rules import ActiveRules
from apps.risk.handlers.decisions import reply_subject
from apps.risk.handlers.known_denials import KnownDenials
from apps.risk.store import decisions as store
from apps.risk.store.decisions import DegradedAnswer
from contracts.ids import derived_id
from contracts.message import Envelope, decode
from contracts.money import minor_unit_exponents
from contracts.risk import Assess, RiskDecision, RiskOutcome
from outbox.deadlines import StandIn
from outbox.envelopes import data_json, envelope_json
from outbox.transaction import Transactions

_LOG = structlog.get_logger()
MOST_KEPT = 100_000
KEPT_AT_A_TIME = 1_000
ANSWERS = Counter("ledgerlink_risk_degraded_answers_total", "Answers given at the deadline, by outcome", ["outcome"])
CHANGED = Counter(
    "ledgerlink_risk_degraded_answers_changed_total",
    "Degraded answers that are a review although the policy approves the amount, by why",
    ["by"],
)
DIFFERENT = Counter(
    "ledgerlink_risk_degraded_answers_different_total",
    "Degraded answers from which the decision differs, by both",
    ["answered", "decided"],
)


class DegradedAnswers:
    """What this process has answered at the deadline, until it is recorded and the decision is there."""

    def __init__(self, rules: ActiveRules, denials: KnownDenials) -> None:
        self._rules = rules
        self._denials = denials
        self._answers: OrderedDict[UUID, DegradedAnswer] = OrderedDict()
        self._unrecorded: OrderedDict[UUID, DegradedAnswer] = OrderedDict()
        for doubt in Doubt:
            CHANGED.labels(doubt.value)
        for answered in RiskOutcome:
            ANSWERS.labels(answered.value)
            for decided in RiskOutcome:
                DIFFERENT.labels(answered.value, decided.value)

    def instead(self, payload: bytes) -> StandIn | None:
        """Answer a request by the policy; None where it is no request, or its answer has nowhere to go."""
        try:
            command = decode(payload, Assess)
            subject = reply_subject(command)
        except ValueError:
            return None
        decision = self._decided(command)
        identifier = derived_id(command.id, "degraded answer")
        envelope = envelope_json(
            identifier,
            "risk",
            RiskDecision,
            data_json(decision),
            correlation=command.correlationid,
            causation=command.id,
            traceparent=command.traceparent,
            replyto=None,
        )
        return StandIn(identifier, subject, envelope)

    def compare(self, decision: Decision) -> None:
        """Count a decision that differs from what was answered before it."""
        answer = self._answers.pop(decision.assessment_id, None)
        if answer is not None and answer.outcome is not decision.outcome:
            DIFFERENT.labels(answer.outcome.value, decision.outcome.value).inc()
            _LOG.warning(
                "the decision differs from what was answered at the deadline",
                assessment=str(decision.assessment_id),
                answered=answer.outcome.value,
                decided=decision.outcome.value,
            )

    async def record(self, transactions: Transactions) -> bool:
        """Keep some of the answers that are not recorded yet, and tell whether there are more."""
        answers = list(islice(self._unrecorded.values(), KEPT_AT_A_TIME))
        if answers:
            async with transactions.begin() as tx:
                await store.keep_degraded_answers(tx, answers)
            for answer in answers:
                self._unrecorded.pop(answer.assessment_id, None)
        return bool(self._unrecorded)

    def _decided(self, command: Envelope[Assess]) -> RiskDecision:
        asked, now = command.data, datetime.now(UTC)
        rules = self._rules.latest.rules
        unit = 10 ** minor_unit_exponents()[asked.currency]
        doubt = Doubt.BENEFICIARY if asked.beneficiary is not None else self._denials.latest.doubt(asked, now)
        outcome, changed_by = degraded_outcome(rules.document, asked.amount, unit, doubt)
        if changed_by:
            CHANGED.labels(changed_by.value).inc()
        ANSWERS.labels(outcome.value).inc()
        answer = DegradedAnswer(asked.assessment_id, asked.payment_intent_id, outcome, now)
        for kept in (self._answers, self._unrecorded):
            kept.setdefault(asked.assessment_id, answer)
            if len(kept) > MOST_KEPT:
                kept.popitem(last=False)
        return RiskDecision(
            assessment_id=asked.assessment_id,
            payment_intent_id=asked.payment_intent_id,
            outcome=outcome,
            rules=[],
            decided_at=now,
            degraded=True,
            rule_set=rules.hash,
        )
