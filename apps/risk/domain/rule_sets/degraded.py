"""What is answered where the deadline is near: the policy of the rule set, by the amount."""

from apps.risk.domain.rule_sets.documents import RuleSetDocument
from contracts.risk import RiskOutcome


def degraded_outcome(document: RuleSetDocument, amount: int, unit: int, *, beneficiary: bool) -> RiskOutcome:
    """Return the outcome for an amount in minor units, of a currency with so many minor units in a major one.

    What goes to a named beneficiary is under review until that name is screened: the decision that follows ends it.
    """
    fitting = (policy for policy in document.degraded if policy.up_to is None or amount <= policy.up_to * unit)
    policy = next(fitting, document.degraded[-1])
    return RiskOutcome.REVIEW if beneficiary and policy.outcome is RiskOutcome.APPROVE else policy.outcome
