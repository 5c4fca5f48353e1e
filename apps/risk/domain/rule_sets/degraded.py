"""What is answered where the deadline is near: the policy of the rule set, by the amount alone."""

from apps.risk.domain.rule_sets.documents import RuleSetDocument
from contracts.risk import RiskOutcome


def degraded_outcome(document: RuleSetDocument, amount: int, unit: int) -> RiskOutcome:
    """Return the outcome for an amount in minor units, of a currency with so many minor units in a major one."""
    fitting = (policy for policy in document.degraded if policy.up_to is None or amount <= policy.up_to * unit)
    policy = next(fitting, document.degraded[-1])
    return policy.outcome
