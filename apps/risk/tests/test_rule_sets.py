"""Rule sets: all that is wrong with a document is told at once, and what fires decides in one order."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.risk.domain.denials import Doubt
from apps.risk.domain.features.catalogue import Value
from apps.risk.domain.rule_sets.baseline import BASELINE
from apps.risk.domain.rule_sets.compiling import CompiledRuleSet, Problem, RuleSetError
from apps.risk.domain.rule_sets.degraded import degraded_outcome
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from apps.risk.domain.rule_sets.judging import Judgement, judge
from apps.risk.domain.rule_sets.language import check
from apps.risk.domain.rule_sets.without_history import WITHOUT_HISTORY, payment_without_history
from apps.risk.domain.rule_sets.wording import Reason
from apps.risk.domain.scoring.documents import ModelDocument
from apps.risk.domain.scoring.model import Model
from apps.risk.tests.rule_sets import document, rule
from apps.risk.tests.test_scoring import document as model_document
from contracts.risk import RiskOutcome

MODEL = Model(ModelDocument.model_validate(model_document()))
"""Gives 12 points up to an amount of 100.00, and 73 above."""


def judged(*rules: dict[str, Any], values: dict[str, Value] | None = None, **more: Any) -> Judgement:
    return judge(CompiledRuleSet.of(document(*rules, **more)), payment_without_history(values or {}))


def fired(judgement: Judgement) -> list[str]:
    return [rule.name for rule in judgement.fired]


def problems(wrong: RuleSetDocument, model: Model | None = None) -> set[Problem]:
    with pytest.raises(RuleSetError) as refused:
        CompiledRuleSet.of(wrong, model)
    return set(refused.value.problems)


STEP_UP, ALLOW, BLOCK, REVIEW, NOTE = (
    rule(action, action, weight=weight)
    for action, weight in (("step_up", 30), ("allow", 0), ("block", 50), ("review", 40), ("note", 25))
)


@pytest.mark.parametrize(
    ("rules", "outcome", "step_up", "names", "codes", "score"),
    [
        ([NOTE], "approve", False, ["note"], (), 25),
        ([NOTE, REVIEW], "review", False, ["review", "note"], ("review_code",), 65),
        ([NOTE, REVIEW, BLOCK], "decline", False, ["block", "review", "note"], ("block_code",), 100),
        ([BLOCK, ALLOW], "approve", False, ["allow", "block"], ("allow_code",), 50),
        (
            [BLOCK, REVIEW, ALLOW, STEP_UP],
            "decline", True, ["step_up", "allow", "block", "review"], ("step_up_code",), 100,
        ),
        ([STEP_UP], "decline", True, ["step_up"], ("step_up_code",), 30),
        ([STEP_UP, REVIEW], "decline", True, ["step_up", "review"], ("step_up_code",), 70),
        ([STEP_UP, BLOCK], "decline", False, ["block"], ("block_code",), 50),
    ],
)  # fmt: skip
def test_step_up_then_allow_then_block_then_review(
    rules: list[dict[str, Any]], outcome: str, step_up: bool, names: list[str], codes: tuple[str, ...], score: int
) -> None:
    found = judged(*rules)
    assert (found.outcome, found.step_up, fired(found), found.codes, found.score) == (
        outcome, step_up, names, codes, score,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("weights", "outcome", "codes"),
    [
        ([29], "approve", ()),
        ([10, 20], "review", ("b_code", "a_code")),
        ([30, 0], "review", ("a_code",)),
        ([60, 20], "decline", ("a_code", "b_code")),
        ([100, 100], "decline", ("a_code", "b_code")),
    ],
)
def test_where_no_rule_decides_the_score_does(weights: list[int], outcome: str, codes: tuple[str, ...]) -> None:
    rules = [rule(name, weight=weight) for name, weight in zip("ab", weights, strict=False)]
    found = judged(*rules, thresholds={"review": 30, "block": 80})
    assert (found.outcome, found.codes, found.score) == (outcome, codes, min(100, sum(weights)))


def test_a_payment_that_the_score_declines_is_not_asked_to_step_up() -> None:
    found = judged(STEP_UP, rule("heavy", weight=80), thresholds={"block": 80})
    assert (found.outcome, found.step_up, fired(found), found.score) == (RiskOutcome.DECLINE, False, ["heavy"], 80)
    found = judged(STEP_UP, rule("lighter", weight=79), thresholds={"block": 80})
    assert (found.step_up, found.score) == (True, 100)


@pytest.mark.parametrize(
    ("values", "name", "reason"),
    [
        ({"limit_payment_left": -1}, "limit_exceeded", "-0.01 EUR would be left of what the payer may pay at once."),
        (
            {"limit_day_left": -100, "limit_month_left": -5},
            "limit_exceeded", "-1.00 EUR would be left of what the payer may pay in a day.",
        ),
        ({"limit_month_left": -5}, "limit_exceeded", "-0.05 EUR would be left of what the payer may pay in a month."),
        ({"payer_screening": "confirmed"}, "screening_confirmed", "Who pays or is paid is on a sanctions list."),
        ({"beneficiary_screening": "confirmed"}, "screening_confirmed", "Who pays or is paid is on a sanctions list."),
    ],
)  # fmt: skip
def test_compliance_is_in_every_rule_set_and_nothing_allows_it_away(
    values: dict[str, Value], name: str, reason: str
) -> None:
    found = judged(ALLOW, STEP_UP, values=values)
    assert (found.outcome, found.step_up, found.codes) == (RiskOutcome.DECLINE, False, (name,))
    assert [(fired.name, fired.reason) for fired in found.fired] == [(name, reason), ("allow", "It is allow.")]


def test_rules_of_one_action_are_named_by_priority_and_then_by_name() -> None:
    found = judged(rule("c", priority=1), rule("b"), rule("a"), rule("z", enabled=False), rule("d", when="amount < 0"))
    assert fired(found) == ["c", "a", "b"]


def test_a_step_up_has_one_code_even_where_two_rules_give_it() -> None:
    found = judged(rule("a", "block", code="same"), rule("b", "block", code="same"), rule("c", "block"))
    assert found.codes == ("same", "c_code")


def test_the_points_of_the_model_are_added_to_the_score_and_explained() -> None:
    wanted = document(rule("a", weight=10), model=MODEL.hash, thresholds={"review": 80})
    rules = CompiledRuleSet.of(wanted, MODEL)
    small, large = (judge(rules, payment_without_history({"amount": amount}), MODEL) for amount in (100_00, 100_01))
    assert (small.score, small.model_points, small.outcome) == (22, 12, RiskOutcome.APPROVE)
    assert (large.score, large.model_points, large.outcome) == (83, 73, RiskOutcome.REVIEW)
    assert large.codes == ("model_score", "a_code")
    assert [name for name, _ in large.contributions] == ["amount"]


def test_a_rule_set_is_judged_with_the_model_that_it_names_or_not_at_all() -> None:
    with pytest.raises(ValueError, match="model"):
        judge(CompiledRuleSet.of(document()), WITHOUT_HISTORY, MODEL)
    named = document(model="0" * 64)
    assert {problem.place for problem in problems(named)} == {"model"}
    assert {problem.place for problem in problems(named, MODEL)} == {"model"}


def test_all_that_is_wrong_with_a_document_is_told_at_once() -> None:
    wrong = document(
        rule("a", when="amount > 5.0"),
        rule("a", when="payer_is_new &&\nfoo"),
        rule("limit_exceeded"),
        rule("c", code="screening_confirmed"),
        rule("d", reason="{nothing}"),
        thresholds={"review": 50, "block": 40},
        degraded=[{"up_to": 10, "outcome": "approve"}, {"up_to": 10, "outcome": "review"}],
    )
    found = {(problem.rule, problem.place) for problem in problems(wrong)}
    assert found == {
        ("a", "name"), ("a", "1:8"), ("a", "2:1"), ("limit_exceeded", "name"), ("c", "code"), ("d", "reason"),
        ("", "thresholds"), ("", "degraded"),
    }  # fmt: skip


def test_a_rule_that_is_not_enabled_is_checked_too() -> None:
    assert problems(document(rule("a", when="foo", enabled=False)))


@pytest.mark.parametrize(
    ("values", "outcome", "fires", "expected"),
    [
        ({"amount": 6}, "review", ["a"], ("outcome", "review was expected, it is decline")),
        ({"amount": 6}, "decline", [], ("fires", "nothing was expected to fire, it is a")),
        ({"amount": 5}, "approve", ["a"], ("fires", "a was expected to fire, it is nothing")),
        ({"amount": "6"}, "decline", ["a"], ("values", "amount is of type int")),
        ({"amount": True}, "decline", ["a"], ("values", "amount is of type int")),
        ({"payer_is_new": 1}, "decline", ["a"], ("values", "payer_is_new is of type bool")),
        ({"amonut": 6}, "decline", ["a"], ("values", "there is no feature 'amonut'")),
    ],
)
def test_a_rule_set_whose_own_test_fails_is_refused(
    values: dict[str, Value], outcome: str, fires: list[str], expected: tuple[str, str]
) -> None:
    test = {"name": "mine", "values": values, "outcome": outcome, "fires": fires}
    wrong = document(rule("a", "block", "amount > 5"), tests=[test])
    assert problems(wrong) == {Problem("mine", *expected)}


def test_a_test_names_an_amount_and_means_its_sums_too() -> None:
    test = {"name": "mine", "values": {"amount": 500}, "outcome": "step_up", "fires": ["a"]}
    CompiledRuleSet.of(document(rule("a", "step_up", "payer_sum_1h == 500"), tests=[test]))


def test_the_baseline_passes_its_own_tests_and_every_rule_fires_in_one_of_them() -> None:
    CompiledRuleSet.of(BASELINE)
    assert {name for test in BASELINE.tests for name in test.fires} == {rule.name for rule in BASELINE.rules}


@pytest.mark.parametrize(
    ("currency", "unit", "amount", "reason"),
    [
        ("EUR", 100, 10_000_01, "10,000.01 EUR at once is above 10,000.00 EUR."),
        ("JPY", 1, 10_001, "10,001 JPY at once is above 10,000 JPY."),
        ("BHD", 1000, 10_000_001, "10,000.001 BHD at once is above 10,000.000 BHD."),
    ],
)
def test_the_baseline_limits_major_units_of_any_currency(currency: str, unit: int, amount: int, reason: str) -> None:
    rules = CompiledRuleSet.of(BASELINE)
    known: dict[str, Value] = {"currency": currency, "unit": unit}
    at_limit = judge(rules, payment_without_history(known | {"amount": amount - 1}))
    above = judge(rules, payment_without_history(known | {"amount": amount}))
    assert "amount_limit" not in fired(at_limit)
    assert reason in {fired.reason for fired in above.fired}


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{payer_count_1m} payments.", "1,234 payments."),
        ("{amount:money} of {amount}", "50.00 EUR of 5,000"),
        ("{payer_mean_amount_30d:money}", "12.35 EUR"),
        ("{payer_amount_ratio} times, {currency}, {payer_is_new}, {payee_is_new}", "2.50 times, EUR, yes, no"),
        ("{0:money} to {3:money}", "0.00 EUR to 3.00 EUR"),
    ],
)
def test_a_reason_says_what_was_seen(template: str, said: str) -> None:
    values = payment_without_history(
        {
            "amount": 50_00,
            "payer_count_1m": 1234,
            "payer_mean_amount_30d": 1234.6,
            "payer_amount_ratio": 2.5,
            "payee_is_new": False,
        }
    )
    assert Reason.of(template).say(values) == said


def test_an_amount_of_an_unknown_currency_is_said_in_minor_units() -> None:
    assert Reason.of("{amount:money}").say(payment_without_history({"currency": "???"})) == "100 minor units of ???"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{foo}", "no feature 'foo'"),
        ("{amount:.2f}", "hold the name"),
        ("{amount.real}", "hold the name"),
        ("{{amount}}", "hold the name"),
        ("{", "hold the name"),
        ("{5}", "no feature '5'"),
        ("{payer_count_1m:money}", "is no amount"),
        ("{country:money}", "is no amount"),
        ("{99999999999:money}", "at most"),
    ],
)
def test_a_reason_has_places_for_features_only(template: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Reason.of(template)


@pytest.mark.parametrize(
    ("amount", "unit", "outcome"),
    [
        (50_00, 100, "approve"),
        (50_01, 100, "review"),
        (10_000_00, 100, "review"),
        (10_000_01, 100, "decline"),
        (50, 1, "approve"),
        (51, 1, "review"),
    ],
)
def test_near_the_deadline_the_amount_decides(amount: int, unit: int, outcome: str) -> None:
    assert degraded_outcome(BASELINE, amount, unit, None) == (outcome, None)


@pytest.mark.parametrize(("amount", "outcome"), [(50_00, "review"), (50_01, "review"), (10_000_01, "decline")])
def test_near_the_deadline_nothing_goes_to_a_name_that_was_not_screened(amount: int, outcome: str) -> None:
    assert degraded_outcome(BASELINE, amount, 100, Doubt.BENEFICIARY).outcome == outcome


@given(st.integers(1, 10**9), st.sampled_from([1, 100, 1_000]), st.sampled_from(Doubt))
def test_a_doubt_makes_a_review_of_an_approval_and_changes_nothing_else(amount: int, unit: int, doubt: Doubt) -> None:
    by_policy = degraded_outcome(BASELINE, amount, unit, None)
    doubted = degraded_outcome(BASELINE, amount, unit, doubt)
    is_approved = by_policy.outcome is RiskOutcome.APPROVE
    assert doubted == ((RiskOutcome.REVIEW, doubt) if is_approved else by_policy)


def test_values_that_are_older_than_a_feature_are_judged_as_without_it() -> None:
    rules = CompiledRuleSet.of(document(rule("a", "block", "payer_amount_ratio >= 1.0", reason="{payer_amount_ratio}")))
    old = {name: value for name, value in WITHOUT_HISTORY.items() if name != "payer_amount_ratio"}
    assert judge(rules, old) == judge(rules, WITHOUT_HISTORY)


RULES = [
    rule("young", "step_up", "payer_is_new && amount > 10 * unit", weight=30),
    rule("known", "allow", "listed_allow"),
    rule("denied", "block", "listed_deny", weight=100),
    rule("fast", "review", "payer_count_1h > 5", weight=20),
    rule("odd", "note", "payer_amount_ratio > 3.0", weight=45),
]


@given(
    st.fixed_dictionaries(
        {
            "amount": st.integers(1, 10**12),
            "payer_is_new": st.booleans(),
            "listed_allow": st.booleans(),
            "listed_deny": st.booleans(),
            "payer_count_1h": st.integers(0, 20),
            "payer_amount_ratio": st.floats(),
            "limit_day_left": st.integers(-(2**63), 2**63),
        }
    )
)
def test_whatever_the_values_are_there_is_one_decision_and_the_same_again(values: dict[str, Value]) -> None:
    rules = CompiledRuleSet.of(document(*RULES, thresholds={"review": 40, "block": 60}))
    found = judge(rules, payment_without_history(values))
    assert found == judge(rules, payment_without_history(values))
    assert 0 <= found.score <= 100
    assert found.step_up <= (found.outcome is RiskOutcome.DECLINE)
    names = fired(found)
    if "limit_exceeded" in names:
        assert found.outcome is RiskOutcome.DECLINE
    elif "known" in names:
        assert found.outcome is (RiskOutcome.DECLINE if "young" in names else RiskOutcome.APPROVE)
    elif "denied" in names:
        assert (found.outcome, found.step_up) == (RiskOutcome.DECLINE, False)


def test_the_guide_shows_a_rule_set_and_rules_that_are_accepted() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "rules.md").read_text()
    [shown] = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    CompiledRuleSet.of(RuleSetDocument.model_validate_json(shown))
    [rules] = re.findall(r"```cel\n(.*?)```", guide, re.DOTALL)
    for source in rules.splitlines():
        check(source)
