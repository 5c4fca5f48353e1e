"""The language of rules: what is accepted at its bounds, and every refusal with its place and reason."""

import pytest

from apps.risk.domain.rule_sets import language
from apps.risk.domain.rule_sets.language import RuleError, check
from apps.risk.domain.rule_sets.parsing import LIST_ITEMS, NESTING, NODES
from apps.risk.domain.rule_sets.ranges import RANGES
from apps.risk.domain.rule_sets.tokens import LITERAL_BYTES

MACRO = "has no bound"
REFUSED = (
    ("", "1:1", "ends where a value is missing"),
    ("amount >", "1:9", "ends where a value is missing"),
    ("payer_is_new &&\n  amount > ", "2:12", "ends where a value is missing"),
    ("amount > 5 5", "1:12", "was not expected here"),
    ("amount > 5 and true", "1:12", "was not expected here"),
    ("amount & 5 > 1", "1:8", "'and' is written &&"),
    ("payer_is_new | true", "1:14", "'or' is written ||"),
    ("amount = 5", "1:8", "'equals' is written =="),
    ("amount > \u20075", "1:10", "has no meaning here"),
    ("country == 'NG", "1:12", "does not end on this line"),
    ("country == 'N\nG'", "1:12", "does not end on this line"),
    (r"country == 'N\n'", "1:14", "no escapes"),
    ("country == 'N\u200b'", "1:12", "only characters that can be seen"),
    ("country == r'NG'", "1:12", "no prefix"),
    ("country == b'NG'", "1:12", "no prefix"),
    ("amount > 5u", "1:11", "follows without a space"),
    ("amount > 0x10", "1:11", "follows without a space"),
    ("amount > 007", "1:10", "does not start with 0"),
    ("amount > 9223372036854775808", "1:10", "at most 9223372036854775807"),
    ("payer_amount_ratio > 1e400", "1:22", "too large"),
    ("(amount > 5", "1:12", ") is missing"),
    ("()", "1:2", "a value is missing"),
    ("!!true", "1:2", "use brackets"),
    ("true ? false", "1:13", ": is missing"),
    ("true ? true ? true : true : true", "1:13", ": is missing"),
    ("amount in 5", "1:11", "stands a list"),
    ("amount in []", "1:11", "1 to 100 values"),
    ("amount in [1,]", "1:14", "only numbers or only texts"),
    ("amount in [unit]", "1:12", "only numbers or only texts"),
    ("country in ['NG' 'RU']", "1:18", ", is missing"),
    ("country in ['NG', 5]", "1:19", "are a text and a whole number"),
    ("payer_is_new in [1]", "1:14", "not for true or false"),
    ("[1, 2] == [1, 2]", "1:1", "only after `in`"),
    ("[1].all(x, x > 0)", "1:1", "only after `in`"),
    ("country.all(x, true)", "1:9", MACRO),
    ("exists(amount, true)", "1:1", MACRO),
    ("has(country.x)", "1:1", MACRO),
    ("country.matches('(a+)+$')", "1:9", "only contains, endsWith, startsWith"),
    ("country.size() > 1", "1:9", "only contains, endsWith, startsWith"),
    ("country.startsWith", "1:19", "( is missing"),
    ("amount.startsWith('5')", "1:8", "not a whole number"),
    ("country.contains(5)", "1:9", "not a whole number"),
    ("size(country) > 1", "1:1", "no function 'size'"),
    ("timestamp('2020') == timestamp('2021')", "1:1", "no function 'timestamp'"),
    ("country[0] == 'N'", "1:8", "could take"),
    ("{'a': 1} == 1", "1:1", "messages and maps"),
    ("country{} == 1", "1:8", "messages and maps"),
    ("amount == null", "1:11", "is no value"),
    ("amont > 5", "1:1", "is amount meant?"),
    ("zebra", "1:1", "no feature 'zebra'"),
    ("amount", "1:1", "this is a whole number"),
    ("country", "1:1", "this is a text"),
    ("amount > 5.0", "1:8", "write 2.0 for 2"),
    ("payer_amount_ratio > 2", "1:20", "write 2.0 for 2"),
    ("amount > '5'", "1:8", "a whole number and a text"),
    ("country < 'NG'", "1:9", "takes numbers, not a text"),
    ("true < false", "1:6", "takes numbers, not true or false"),
    ("1 < 2 < 3", "1:7", "true or false and a whole number"),
    ("country + country == 'NGNG'", "1:9", "takes numbers, not a text"),
    ("amount && true", "1:1", "joins true or false"),
    ("!amount", "1:1", "negates true or false"),
    ("-country == 'NG'", "1:1", "negates numbers"),
    ("amount ? true : false", "1:1", "asks true or false"),
    ("(true ? 1 : 1.0) > 1", "1:7", "the two sides of :"),
    ("double(payer_amount_ratio) > 1.0", "1:1", "converts a whole number"),
    ("payer_amount_ratio % 2.0 > 1.0", "1:20", "takes whole numbers"),
    ("1 / 0 == 1", "1:3", "might be 0"),
    ("amount / payer_declined_1h > 1", "1:8", "might be 0"),
    ("amount % (amount - 5) == 0", "1:8", "might be 0"),
    ("1.0 / payer_mean_amount_30d > 1.0", "1:5", "might be 0"),
    ("9223372036854775807 + amount > 1", "1:21", "convert with double"),
    ("payer_sum_1h * payer_count_1h > 1", "1:14", "convert with double"),
    ("1e300 * payer_amount_ratio * 1e300 > 1.0", "1:7", "too large for a double"),
)


@pytest.mark.parametrize(("source", "place", "reason"), REFUSED)
def test_what_is_no_rule_is_refused_with_place_and_reason(source: str, place: str, reason: str) -> None:
    with pytest.raises(RuleError) as refused:
        check(source)
    assert (refused.value.place, reason in refused.value.reason) == (place, True), refused.value
    assert refused.value.__cause__ is None, "this room's own reading refuses it, before the library's"


@pytest.mark.parametrize(
    ("source", "features"),
    [
        ("true", set()),
        ("amount > 10000 * unit && country in ['NG', 'RU']", {"amount", "unit", "country"}),
        ("double(payer_sum_1h) > 3.5 * double(unit)", {"payer_sum_1h", "unit"}),
        ("!(payer_is_new) || -amount % unit == -1 // why", {"payer_is_new", "amount", "unit"}),
        ("payer_is_new ? amount > 5 : device_is_new ? false : true", {"payer_is_new", "amount", "device_is_new"}),
        ("country.startsWith('N')\n  == (tier != \"business\")", {"country", "tier"}),
        ("amount in [-1, 2] != (payer_amount_ratio in [-0.5, 1e3])", {"amount", "payer_amount_ratio"}),
    ],
)
def test_a_rule_tells_what_it_looks_at(source: str, features: set[str]) -> None:
    assert check(source).features == features


def _deep(levels: int) -> str:
    return "(" * levels + "payer_is_new" + ")" * levels


@pytest.mark.parametrize(
    ("within", "beyond", "reason"),
    [
        (_deep(NESTING), _deep(NESTING + 1), "levels deep"),
        ("!(" * (NESTING - 1) + "true" + ")" * (NESTING - 1), "!(" * NESTING + "true" + ")" * NESTING, "levels deep"),
        (
            "1" + " + 1" * (NESTING - 2) + " > amount",
            "1" + " + 1" * (NESTING - 1) + " > amount",
            "levels deep",
        ),
        (" && ".join(["true"] * 100), " && ".join(["true"] * 150), "200 parts"),
        (
            f"amount in [{', '.join('1' * LIST_ITEMS)}]",
            f"amount in [{', '.join('1' * (LIST_ITEMS + 1))}]",
            "100 values",
        ),
        (f"country == '{'é' * (LITERAL_BYTES // 2)}'", f"country == '{'é' * (LITERAL_BYTES // 2)}x'", "200 bytes"),
        ("true" + " " * 1_996, "true" + " " * 1_997, "2000 characters"),
        (f"9223372036854775806 - 0 * {2**40} + 1 == 1", "9223372036854775806 + 2 == 1", "too large"),
        ("9007199254740992 + payer_sum_1h > 1", f"{2**63 - 2**53} + payer_sum_1h > 1", "too large"),
    ],
)
def test_a_bound_is_exact(within: str, beyond: str, reason: str) -> None:
    check(within)
    with pytest.raises(RuleError, match=reason):
        check(beyond)


def test_a_rule_of_the_most_parts_is_accepted_and_of_one_more_is_not() -> None:
    assert NODES == 200
    check(" || ".join(["true"] * 99 + ["!false"]))  # 99 + 2 values and negation, 99 operators
    with pytest.raises(RuleError, match="at most 200 parts"):
        check(" || ".join(["true"] * 99 + ["!(!false)"]))


def test_what_only_the_library_refuses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library guards the room's own reading: where that lets something pass, the library does not."""
    monkeypatch.setattr(language, "prove", lambda *_: None)
    for source, place, reason in (
        ("payer_is_new &&\n amount > 5.0", "2:9", "no matching overload"),
        ("zebra", "1:1", "undeclared reference"),
        ("amount", "1:1", "this is INT"),
    ):
        with pytest.raises(RuleError) as refused:
            check(source)
        assert refused.value.place == place
        assert reason in refused.value.reason


def test_every_feature_has_a_range_that_rules_see_it_in() -> None:
    assert RANGES["amount"].clamp(2**70) == 10**12
    assert RANGES["unit"].clamp(0) == 1
    assert RANGES["limit_day_left"].clamp(-(2**62)) == -(2**53)
    assert RANGES["payer_amount_ratio"].clamp(float("nan")) == 0.0
    assert RANGES["payer_amount_ratio"].clamp(float("inf")) == 1e15
    assert RANGES["payer_amount_ratio"].clamp(2) == 2.0
    assert isinstance(RANGES["payer_amount_ratio"].clamp(2), float)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", 1.0),
        ("amount", True),
        ("amount", "1"),
        ("payer_is_new", 1),
        ("country", 1),
        ("payer_hour_share", True),
    ],
)
def test_a_value_of_another_type_is_no_value(name: str, value: float | str) -> None:
    with pytest.raises(TypeError, match="is no"):
        RANGES[name].clamp(value)
