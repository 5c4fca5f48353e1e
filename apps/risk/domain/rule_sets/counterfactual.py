"""What amount would have been approved: the counterfactual that a decline carries, found and verified by evaluation."""

from apps.risk.domain.features.amounts import with_amount
from apps.risk.domain.features.catalogue import Values
from apps.risk.domain.rule_sets.evaluating import RuleSet
from apps.risk.domain.rule_sets.judging import check_model, decide
from apps.risk.domain.rule_sets.without_history import complete
from apps.risk.domain.scoring.model import Model
from contracts.risk import RiskOutcome, RuleAction


def approvable_amount(rules: RuleSet, values: Values, model: Model | None = None) -> int | None:
    """Return an amount below the payment's that is approved while one minor unit more is not; None where none is found.

    Halves, a quarter and so on of the amount are tried until one is approved, then what lies between by bisection: no
    more evaluations than the amount has bits. With rules that approve in several bands it is the top of one of them.
    Raises ValueError where the model is not the one that the rule set names.
    """
    check_model(rules, model)
    trial = _Trial(rules, complete(values), model)
    too_much = int(values["amount"])
    if trial.is_hopeless:
        return None
    approved = too_much // 2
    while approved and not trial.approves(approved):
        too_much, approved = approved, approved // 2
    if not approved:
        return None
    while too_much - approved > 1:
        middle = (approved + too_much) // 2
        if trial.approves(middle):
            approved = middle
        else:
            too_much = middle
    return approved


class _Trial:
    """The payment with other amounts: only the rules that look at the amount are asked again."""

    def __init__(self, rules: RuleSet, values: Values, model: Model | None) -> None:
        self._rules = rules
        self._values = values
        self._model = model
        self._fired = rules.by_the_rest.fired(values)

    @property
    def is_hopeless(self) -> bool:
        """Tell whether what does not look at the amount declines: more rules and points never take that back.

        Unless they allow.
        """
        if any(rule.document.action is RuleAction.ALLOW for rule in self._rules.by_amount.rules):
            return False
        return decide(self._fired, 0, self._rules.document.thresholds).outcome is not RiskOutcome.APPROVE

    def approves(self, amount: int) -> bool:
        """Tell whether the same payment of this amount is approved."""
        values = with_amount(self._values, amount)
        points = self._model.points(values) if self._model else 0
        fired = (*self._fired, *self._rules.by_amount.fired(values))
        return decide(fired, points, self._rules.document.thresholds).outcome is RiskOutcome.APPROVE
