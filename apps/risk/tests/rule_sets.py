"""Rule sets for tests, made in a line."""

from typing import Any

from apps.risk.domain.rule_sets.baseline import BASELINE
from apps.risk.domain.rule_sets.documents import RuleSetDocument


def rule(name: str, action: str = "note", when: str = "true", **more: Any) -> dict[str, Any]:
    return {"name": name, "when": when, "action": action, "code": f"{name}_code", "reason": f"It is {name}."} | more


def limits(
    *, amount: int = 10_000, hourly_volume: int = 50_000, payments_per_minute: int = 600, review_amount: int = 8_000
) -> RuleSetDocument:
    """Return the rules that the product ships with, with other limits."""
    conditions = {
        "amount_limit": f"amount > {amount} * unit",
        "hourly_volume": f"payer_sum_1h > {hourly_volume} * unit",
        "velocity": f"payer_count_1m > {payments_per_minute}",
        "large_payment_review": f"amount > {review_amount} * unit",
    }
    rules = [{**rule.model_dump(mode="json"), "when": conditions.get(rule.name, rule.when)} for rule in BASELINE.rules]
    return RuleSetDocument.model_validate({**BASELINE.model_dump(mode="json"), "rules": rules, "tests": []})


def document(*rules: dict[str, Any], **more: Any) -> RuleSetDocument:
    return RuleSetDocument.model_validate({"name": "test", "rules": rules or [rule("anything")]} | more)
