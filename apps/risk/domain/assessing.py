"""Deciding about payments one after the other, each on what the ones before it have added to what was seen."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.risk.domain.features.catalogue import Value
from apps.risk.domain.features.computing import Context, compute, observe
from apps.risk.domain.features.entities import Entity, Subject
from apps.risk.domain.features.state import State
from apps.risk.domain.limits import Counted, after_more, day_of
from apps.risk.domain.ruling import Judged, Ruling
from contracts.risk import FiredRule, RiskOutcome


@dataclass(frozen=True, slots=True)
class Assessment:
    """A payment to decide about; the decision goes to `reply_to`.

    What a processor brings has no source wallet, what goes to a bank no destination. `beneficiary` is the name of who
    gets a payout; it is screened, and not stored.
    """

    subject: Subject
    payment_intent_id: UUID
    reply_to: str
    source_wallet: UUID | None = None
    destination_wallet: UUID | None = None
    beneficiary: str | None = None

    @property
    def id(self) -> UUID:
        """The assessment's id."""
        return self.subject.assessment_id


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided. It stands for ever, but for a review: an analyst's decision takes its place.

    An analyst's has no score and no rule set; nor has one of before rule sets were documents.
    """

    assessment_id: UUID
    payment_intent_id: UUID
    payer: UUID
    outcome: RiskOutcome
    rules: tuple[FiredRule, ...]
    decided_at: datetime
    step_up: bool = False
    score: int | None = None
    codes: tuple[str, ...] = ()
    approvable_amount: int | None = None
    rule_set: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A new decision, and what it was made from."""

    assessment: Assessment
    decision: Decision
    judged: Judged
    values: Mapping[str, Value]
    ruling: Ruling

    @property
    def counted(self) -> Counted | None:
        """What of it counts against the payer's limits, if it was approved."""
        if self.decision.outcome is not RiskOutcome.APPROVE:
            return None
        subject, decided_at = self.assessment.subject, self.decision.decided_at
        payment = self.assessment.payment_intent_id
        return Counted(
            payment, subject.assessment_id, subject.payer, subject.currency, subject.amount, day_of(decided_at)
        )


class Deciding:
    """A batch of assessments in hand.

    `states` is what was seen of all that they name, and learns of each decision; `contexts` are as of before the batch,
    what it uses of limits is added here; `known` are decisions of before, by assessment id.
    """

    def __init__(
        self,
        ruling: Ruling,
        states: Mapping[Entity, State],
        contexts: Mapping[UUID, Context],
        known: Mapping[UUID, Decision],
        now: datetime,
    ) -> None:
        self._ruling, self._states, self._contexts, self._now = ruling, states, contexts, now
        self._decisions = dict(known)
        self._spent: Counter[tuple[UUID, str]] = Counter()

    def decide(self, assessment: Assessment) -> tuple[Decision, Made | None]:
        """Decide about the next one; one that was decided before keeps its decision and counts no second time.

        Raises ValueError when its id was used for another payment: its sender is at fault.
        """
        decision = self._decisions.get(assessment.id)
        if decision is None:
            made = self._decide(assessment)
            self._decisions[assessment.id] = made.decision
            return made.decision, made
        payment = assessment.payment_intent_id, assessment.subject.payer
        if (decision.payment_intent_id, decision.payer) != payment:
            raise ValueError(f"assessment {assessment.id} was asked for about another payment before")
        return decision, None

    def _decide(self, assessment: Assessment) -> Made:
        subject = assessment.subject
        account = subject.payer, subject.currency
        context = after_more(self._contexts[assessment.id], self._spent[account])
        values = compute(subject, self._states, context)
        judged = self._ruling.judge(values)
        observe(self._states, subject, judged.outcome)
        if judged.outcome is RiskOutcome.APPROVE:
            self._spent[account] += subject.amount
        decision = Decision(
            assessment_id=assessment.id,
            payment_intent_id=assessment.payment_intent_id,
            payer=subject.payer,
            outcome=judged.outcome,
            rules=judged.rules,
            decided_at=self._now,
            step_up=judged.step_up,
            score=judged.score,
            codes=judged.codes,
            approvable_amount=judged.approvable_amount,
            rule_set=self._ruling.rules.hash,
        )
        return Made(assessment, decision, judged, values, self._ruling)
