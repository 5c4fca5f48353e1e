"""What a rule set and its model say of feature values: what of a decision can be made again from what was stored."""

from dataclasses import dataclass

from apps.risk.domain.features.catalogue import Values
from apps.risk.domain.rule_sets.counterfactual import approvable_amount
from apps.risk.domain.rule_sets.evaluating import RuleSet
from apps.risk.domain.rule_sets.judging import judge
from apps.risk.domain.scoring.model import Model
from contracts.risk import FiredRule, RiskOutcome


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision as it follows from values alone; `approvable_amount` is what a decline would have approved."""

    outcome: RiskOutcome
    step_up: bool
    score: int
    rules: tuple[FiredRule, ...]
    codes: tuple[str, ...]
    approvable_amount: int | None
    model_points: int
    contributions: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Ruling:
    """A rule set, and the model that it names."""

    rules: RuleSet
    model: Model | None = None

    def judge(self, values: Values) -> Judged:
        """Decide about a payment of these values."""
        judgement = judge(self.rules, values, self.model)
        declined = judgement.outcome is RiskOutcome.DECLINE and not judgement.step_up
        return Judged(
            outcome=judgement.outcome,
            step_up=judgement.step_up,
            score=judgement.score,
            rules=judgement.fired,
            codes=judgement.codes,
            approvable_amount=approvable_amount(self.rules, values, self.model) if declined else None,
            model_points=judgement.model_points,
            contributions=judgement.contributions,
        )
