"""What would have been approved: the amount told is approved, one minor unit more is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.risk.domain.features.amounts import AMOUNT_FEATURES, with_amount
from apps.risk.domain.features.catalogue import Value
from apps.risk.domain.rule_sets import counterfactual
from apps.risk.domain.rule_sets.compiling import CompiledRuleSet
from apps.risk.domain.rule_sets.counterfactual import approvable_amount
from apps.risk.domain.rule_sets.judging import judge
from apps.risk.domain.rule_sets.without_history import payment_without_history
from apps.risk.domain.scoring.documents import ModelDocument
from apps.risk.domain.scoring.model import Model
from apps.risk.tests.rule_sets import document, rule
from apps.risk.tests.test_scoring import document as model_document
from contracts.risk import RiskOutcome

LIMIT = rule("limit", "block", "amount > 100 * unit")


def found(*rules: dict[str, Any], **values: Value) -> int | None:
    return approvable_amount(CompiledRuleSet.of(document(*rules)), payment_without_history(values))


@pytest.mark.parametrize(
    ("rules", "values", "expected"),
    [
        ([LIMIT], {"amount": 10**12}, 100_00),
        ([LIMIT], {"amount": 100_01}, 100_00),
        ([LIMIT, rule("review", "review", "amount > 50 * unit")], {"amount": 300_00}, 50_00),
        ([LIMIT, rule("proof", "step_up", "amount > 20 * unit")], {"amount": 90_00}, 20_00),
        ([rule("hourly", "block", "payer_sum_1h > 1000")], {"amount": 900, "payer_sum_1h": 1200}, 700),
        ([rule("odd", "block", "payer_amount_ratio > 3.0")], {"amount": 900, "payer_mean_amount_30d": 100.0}, 300),
        ([LIMIT], {"amount": 70_00, "limit_day_left": -10_00}, 60_00),
        ([rule("deny", "block", "listed_deny")], {"amount": 500, "listed_deny": True}, None),
        ([LIMIT, rule("deny", "block", "listed_deny")], {"amount": 200_00, "listed_deny": True}, None),
        ([rule("deny", "block", "true"), rule("small", "allow", "amount < 10")], {"amount": 500}, 9),
        ([rule("none", "block", "amount > 0")], {"amount": 500}, None),
        ([rule("none", "block", "amount > 0")], {"amount": 1}, None),
        ([LIMIT], {"amount": 200_00, "payer_screening": "confirmed"}, None),
        ([rule("tiny", "block", "amount < 10 || amount > 100")], {"amount": 700}, 100),
    ],
)
def test_the_amount_is_exact(rules: list[dict[str, Any]], values: dict[str, Value], expected: int | None) -> None:
    assert found(*rules, **values) == expected


@given(st.integers(1, 10**12), st.integers(0, 10**7), st.integers(-(10**12), 10**12), st.floats(0, 1e9))
def test_what_is_told_is_verified_by_a_whole_evaluation(amount: int, limit: int, left: int, mean: float) -> None:
    rules = CompiledRuleSet.of(
        document(
            rule("limit", "block", f"amount > {limit} * unit"),
            rule("odd", "review", "payer_amount_deviation > 2.0"),
            rule("ratio", "note", "payer_amount_ratio > 5.0", weight=50),
            thresholds={"block": 50},
        )
    )
    values = payment_without_history(
        {"amount": amount, "limit_month_left": left, "payer_mean_amount_30d": mean, "payer_amount_deviation": 2.5}
    )
    told = approvable_amount(rules, values)
    if told is not None:
        assert 0 < told < amount
        assert judge(rules, with_amount(values, told)).outcome is RiskOutcome.APPROVE
        if told + 1 < amount:
            assert judge(rules, with_amount(values, told + 1)).outcome is not RiskOutcome.APPROVE


def test_the_points_of_the_model_count() -> None:
    model = Model(ModelDocument.model_validate(model_document()))
    rules = CompiledRuleSet.of(document(model=model.hash, thresholds={"block": 50}), model)
    assert approvable_amount(rules, payment_without_history({"amount": 900_00}), model) == 100_00
    with pytest.raises(ValueError, match="model"):
        approvable_amount(rules, payment_without_history({}))


def test_evaluations_are_bounded_by_the_bits_of_the_amount(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated: list[int] = []

    def counted(values: dict[str, Value], amount: int) -> dict[str, Value]:
        evaluated.append(amount)
        return with_amount(values, amount)

    monkeypatch.setattr(counterfactual, "with_amount", counted)
    for limit in (1, 2, 12_345, 2**30 + 1, 10**12 - 1):
        evaluated.clear()
        assert found(rule("limit", "block", f"amount > {limit}"), amount=10**12) == limit
        assert len(evaluated) <= (10**12).bit_length()


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_another_amount_changes_only_what_depends_on_it_and_back_again(amount: int, other: int) -> None:
    values = payment_without_history({"amount": amount, "payer_sum_1h": amount + 50, "device_sum_1h": 0})
    changed = with_amount(values, other)
    assert {name for name in values if values[name] != changed[name]} <= AMOUNT_FEATURES
    assert (changed["amount"], changed["payer_sum_1h"], changed["device_sum_1h"]) == (other, other + 50, 0)
    assert changed["limit_day_left"] == int(values["limit_day_left"]) + amount - other
    assert with_amount(changed, amount) == values
