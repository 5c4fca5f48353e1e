"""A rule set as large as that of a team that has worked on it for years."""

from apps.risk.domain.features.catalogue import CATALOGUE
from apps.risk.domain.rule_sets.documents import RuleDocument, RuleSetDocument
from contracts.risk import RuleAction

RULES = 50


def fifty_rules() -> RuleSetDocument:
    """Return fifty rules; each looks at features of its own, and one blocks amounts above 190 major units."""
    features = [f.name for f in CATALOGUE if "_count_" in f.name or "_declined_" in f.name]
    made = [
        RuleDocument(
            name=f"rule_{n}",
            when=f"{features[n % len(features)]} > {100 + n} && amount > {n} * unit",
            action=RuleAction.NOTE,
            code=f"rule_{n}",
            reason="Many payments.",
            weight=1,
        )
        for n in range(RULES - 1)
    ]
    large = RuleDocument(
        name="large", when="amount > 190 * unit", action=RuleAction.BLOCK, code="large", reason="Large."
    )
    return RuleSetDocument(name="bench", rules=(large, *made))
