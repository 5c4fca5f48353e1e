"""What is answered where the deadline is near: the rule set's policy for the amount, without what is in doubt."""

from typing import NamedTuple

from apps.risk.domain.denials import Doubt
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from contracts.risk import RiskOutcome


class DegradedOutcome(NamedTuple):
    """The outcome, and what has made a review of an approval, if anything has."""

    outcome: RiskOutcome
    changed_by: Doubt | None = None


def degraded_outcome(document: RuleSetDocument, amount: int, unit: int, doubt: Doubt | None) -> DegradedOutcome:
    """Return the outcome for an amount in minor units, of a currency with so many minor units in a major one.

    What the policy approves is under review where there is a doubt: the decision that follows ends it.
    """
    fitting = (policy for policy in document.degraded if policy.up_to is None or amount <= policy.up_to * unit)
    policy = next(fitting, document.degraded[-1])
    if doubt and policy.outcome is RiskOutcome.APPROVE:
        return DegradedOutcome(RiskOutcome.REVIEW, doubt)
    return DegradedOutcome(policy.outcome)
