"""What a rule set decides about a payment: a pure function of the payment's values, the rule set and the model."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.risk.domain.features.catalogue import Values
from apps.risk.domain.rule_sets.documents import Thresholds
from apps.risk.domain.rule_sets.evaluating import ReadyRule, RuleSet
from apps.risk.domain.rule_sets.without_history import complete
from apps.risk.domain.scoring.model import Model
from contracts.risk import FiredRule, RiskOutcome, RuleAction

MODEL_CODE = "model_score"
"""The reason code of the model's points, where the score decides."""
MOST_CONTRIBUTIONS = 10
MOST_POINTS = 100


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided, and why: every rule that fired in order, the codes of what decided, the model's part.

    `contributions` are the features that moved the model's points the most, with by how many.
    """

    outcome: RiskOutcome
    step_up: bool
    score: int
    fired: tuple[FiredRule, ...]
    codes: tuple[str, ...]
    model_points: int
    contributions: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision before it is put into words."""

    outcome: RiskOutcome
    step_up: bool
    score: int
    fired: tuple[ReadyRule, ...]
    codes: tuple[str, ...]


def judge(rules: RuleSet, values: Values, model: Model | None = None) -> Judgement:
    """Decide about a payment. Raises ValueError where the model is not the one that the rule set names.

    A feature that the values lack, since it is younger than they are, is that of a payment without history.
    """
    check_model(rules, model)
    values = complete(values)
    scored = model.judge(values) if model else None
    points = scored.points if scored else 0
    verdict = decide(rules.ready.fired(values), points, rules.document.thresholds)
    return Judgement(
        outcome=verdict.outcome,
        step_up=verdict.step_up,
        score=verdict.score,
        fired=tuple(_in_words(rule, values) for rule in verdict.fired),
        codes=verdict.codes,
        model_points=points,
        contributions=tuple((c.feature, c.points) for c in scored.contributions[:MOST_CONTRIBUTIONS]) if scored else (),
    )


def check_model(rules: RuleSet, model: Model | None) -> None:
    """Raise ValueError where the model is not the one that the rule set names."""
    if (model.hash if model else None) != rules.document.model:
        raise ValueError("the model is not the one that the rule set names")


def decide(fired: Sequence[ReadyRule], model_points: int, thresholds: Thresholds) -> Verdict:
    """Weigh the rules that fired, given in their order: compliance, step-up, allow, block, review, then the score.

    A step-up is silent, and without weight, where the payment is declined anyway: it would be asked for in vain.
    """
    step_ups = tuple(rule for rule in fired if rule.document.action is RuleAction.STEP_UP)
    others = tuple(rule for rule in fired if rule.document.action is not RuleAction.STEP_UP)
    score = _score(others, model_points)
    outcome, codes = _without_step_up(others, score, model_points, thresholds)
    if not step_ups or outcome is RiskOutcome.DECLINE:
        return Verdict(outcome, step_up=False, score=score, fired=others, codes=codes)
    score = _score(fired, model_points)
    return Verdict(RiskOutcome.DECLINE, step_up=True, score=score, fired=tuple(fired), codes=_codes(step_ups))


def _without_step_up(
    fired: Sequence[ReadyRule], score: int, model_points: int, thresholds: Thresholds
) -> tuple[RiskOutcome, tuple[str, ...]]:
    if built_in := [rule for rule in fired if rule.is_built_in]:
        return RiskOutcome.DECLINE, _codes(built_in)
    for action, outcome in _DECIDING:
        if deciding := [rule for rule in fired if rule.document.action is action]:
            return outcome, _codes(deciding)
    for threshold, outcome in ((thresholds.block, RiskOutcome.DECLINE), (thresholds.review, RiskOutcome.REVIEW)):
        if threshold is not None and score >= threshold:
            return outcome, _scored_codes(fired, model_points)
    return RiskOutcome.APPROVE, ()


def _score(fired: Sequence[ReadyRule], model_points: int) -> int:
    return min(MOST_POINTS, model_points + sum(rule.document.weight for rule in fired))


def _codes(rules: Sequence[ReadyRule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.document.code for rule in rules))


def _scored_codes(fired: Sequence[ReadyRule], model_points: int) -> tuple[str, ...]:
    """Return the codes of what the score is made of, the weightiest first."""
    weights = [(rule.document.weight, rule.document.code) for rule in fired] + [(model_points, MODEL_CODE)]
    heaviest = sorted((weight for weight in weights if weight[0]), key=lambda weight: -weight[0])
    return tuple(dict.fromkeys(code for _, code in heaviest))


def _in_words(rule: ReadyRule, values: Values) -> FiredRule:
    document = rule.document
    return FiredRule(name=document.name, reason=rule.reason.say(values), action=document.action, code=document.code)


_DECIDING = (
    (RuleAction.ALLOW, RiskOutcome.APPROVE),
    (RuleAction.BLOCK, RiskOutcome.DECLINE),
    (RuleAction.REVIEW, RiskOutcome.REVIEW),
)
