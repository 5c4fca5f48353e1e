"""Decide about payments: features, rules, one commit; the decision goes to the reply subject that the request names."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from prometheus_client import Counter, Histogram

from apps.risk.domain.assessing import Assessment, Deciding, Decision, Made
from apps.risk.domain.cases import CasePolicy
from apps.risk.domain.features.entities import Entity, Subject, entities_of
from apps.risk.domain.features.state import State
from apps.risk.domain.review import case_of
from apps.risk.handlers.active_rules import ActiveRules
from apps.risk.handlers.cases import close_cases
from apps.risk.handlers.contexts import ScreenBeneficiaries, load_contexts, nobody_is_screened
from apps.risk.handlers.decisions import decision_message, reply_subject
from apps.risk.handlers.degraded_answers import DegradedAnswers
from apps.risk.handlers.shadows import WORKER, Decided
from apps.risk.store import cases, feature_states, limits
from apps.risk.store import decisions as store
from apps.risk.store.decisions import Timed
from contracts.message import Envelope
from contracts.risk import Assess, RiskOutcome
from outbox.cooperation import by_and_by
from outbox.transaction import Transaction

DECISIONS = Counter(
    "ledgerlink_risk_decisions_total",
    "Payments decided about, by outcome (step_up: declined until the payer authenticates again)",
    ["outcome"],
)
DECISION_SECONDS = Histogram(
    "ledgerlink_risk_decision_seconds",
    "From the request to the decision about it, whether a degraded answer went out meanwhile or not",
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10),
)
STEP_UP = "step_up"
AT_A_TIME = 8
"""Decisions made before others go on: above all, the clock of answers that are due."""


class Assessor:
    """Decides batches of requests in order, by the rules that are active."""

    def __init__(
        self,
        rules: ActiveRules,
        degraded: DegradedAnswers,
        policy: CasePolicy,
        screen: ScreenBeneficiaries = nobody_is_screened,
        decided: Decided | None = None,
    ) -> None:
        self._rules = rules
        self._degraded = degraded
        self._policy = policy
        self._screen = screen
        self._decided = decided or Decided()
        for outcome in (*RiskOutcome, STEP_UP):
            DECISIONS.labels(outcome)

    async def assess(self, tx: Transaction, commands: Sequence[Envelope[Assess]]) -> None:
        """Decide about each payment. Raises ValueError for a request whose answer has nowhere to go."""
        assessments = [_assessment_of(command, tx.now) for command in commands]
        await store.take_turn(tx)
        ruling = await self._rules.load(tx)
        known = await store.load(tx, {a.id for a in assessments})
        fresh = [assessment for assessment in assessments if assessment.id not in known]
        states = await feature_states.load(tx, _entities(fresh))
        deciding = Deciding(ruling, states, await load_contexts(tx, fresh, self._screen), known, tx.now)
        decided: list[Timed] = []
        decisions: list[Decision] = []
        async for assessment in by_and_by(assessments, AT_A_TIME):
            started = time.perf_counter_ns()
            decision, made = deciding.decide(assessment)
            decisions.append(decision)
            if made:
                decided.append(Timed(made, (time.perf_counter_ns() - started) // 1_000))
        await tx.meanwhile(self._save(tx, states, decided), self._say(tx, commands, decisions))
        _measure(made for made, _ in decided)
        if self._decided.add(made.assessment.id for made, _ in decided):
            tx.wake(WORKER)

    async def _save(self, tx: Transaction, states: Mapping[Entity, State], decided: Sequence[Timed]) -> None:
        """Keep what was seen and decided, count what is approved, open a case of each payment for an analyst."""
        await feature_states.save(tx, states)
        await store.save(tx, decided)
        await limits.count(tx, [counted for made, _ in decided if (counted := made.counted)])
        to_review = [made for made, _ in decided if made.decision.outcome is RiskOutcome.REVIEW]
        await self._ask_analysts(tx, to_review)

    async def _ask_analysts(self, tx: Transaction, to_review: Sequence[Made]) -> None:
        """Open a case of each payment; what was given up meanwhile needs none."""
        if not to_review:
            return
        await cases.open_cases(tx, [case_of(made) for made in to_review], self._policy)
        await close_cases(tx, await limits.load_ends(tx, {made.assessment.payment_intent_id for made in to_review}))

    async def _say(self, tx: Transaction, commands: Sequence[Envelope[Assess]], decisions: Sequence[Decision]) -> None:
        async for command, decision in by_and_by(list(zip(commands, decisions, strict=True)), AT_A_TIME):
            tx.say(decision_message(decision), command, subject=command.replyto)
            self._degraded.compare(decision)


def _measure(decided: Iterable[Made]) -> None:
    now = datetime.now(UTC)
    for made in decided:
        DECISIONS.labels(STEP_UP if made.decision.step_up else made.decision.outcome.value).inc()
        DECISION_SECONDS.observe((now - made.assessment.subject.asked_at).total_seconds())


def _entities(assessments: Collection[Assessment]) -> frozenset[Entity]:
    return frozenset(entity for assessment in assessments for entity in entities_of(assessment.subject))


def _assessment_of(command: Envelope[Assess], now: datetime) -> Assessment:
    asked = command.data
    return Assessment(
        subject=Subject(
            assessment_id=asked.assessment_id,
            payer=asked.payer,
            amount=asked.amount,
            currency=asked.currency,
            # What says that it is of the future would be what was seen last for as long as that.
            asked_at=min(command.time, now),
            direction=asked.direction,
            method=asked.method,
            payee=asked.payee,
            device=asked.device,
            address=asked.address,
            card=asked.card,
            country=asked.country,
            authenticated_at=asked.authenticated_at,
        ),
        payment_intent_id=asked.payment_intent_id,
        reply_to=reply_subject(command),
        source_wallet=asked.source_wallet,
        destination_wallet=asked.destination_wallet,
        beneficiary=asked.beneficiary,
    )
