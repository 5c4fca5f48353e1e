"""Random rules: none hangs or crashes the check, none that it accepts can fail, and three evaluators agree on them.

In full, which takes some minutes: RULES_FUZZED=1000000 RULES_COMPARED=100000 pytest --timeout=0 -s this file.
"""

import os
import re
from collections import Counter
from random import Random

import cel as evaluating_library
from cel_expr_python import cel as checking_library

from apps.risk.domain.features.catalogue import CATALOGUE, Type, Value, Values
from apps.risk.domain.rule_sets.language import RuleError, check
from apps.risk.domain.rule_sets.parsing import parse
from apps.risk.domain.rule_sets.ranges import RANGES
from apps.risk.tests.random_rules import RuleMaker, random_values
from apps.risk.tests.reference_cel import meaning

FUZZED = int(os.environ.get("RULES_FUZZED", "4000"))
COMPARED = int(os.environ.get("RULES_COMPARED", "1000"))
SEED = int(os.environ.get("RULES_SEED", "6"))
PLACE = re.compile(r"[1-9]\d*:[1-9]\d*")
TYPES = {
    Type.INT: checking_library.Type.INT,
    Type.DOUBLE: checking_library.Type.DOUBLE,
    Type.BOOL: checking_library.Type.BOOL,
    Type.STRING: checking_library.Type.STRING,
}


def seen(values: Values, names: frozenset[str]) -> dict[str, Value]:
    return {name: RANGES[name].clamp(values[name]) for name in names}


def check_refusal(source: str, error: RuleError) -> None:
    assert PLACE.fullmatch(error.place), (source, error)
    assert is_in(source, error.place), (source, error)
    assert error.reason, source


def is_in(source: str, place: str) -> bool:
    line, column = map(int, place.split(":"))
    return line <= source.count("\n") + 1 and column <= len(source.split("\n")[line - 1]) + 1


def test_no_rule_crashes_the_check_and_no_accepted_rule_fails() -> None:
    random = Random(SEED)  # noqa: S311 - reproducible
    make = RuleMaker(random)
    counts: Counter[str] = Counter()
    for _ in range(FUZZED):
        source = make.any()
        try:
            checked = check(source)
        except RuleError as error:
            check_refusal(source, error)
            counts["refused by the library alone" if error.__cause__ else "refused"] += 1
            continue
        values = seen(random_values(random), checked.features)
        assert isinstance(evaluating_library.compile(source).execute(values), bool), source
        counts["accepted"] += 1
    print(dict(counts))  # noqa: T201
    assert counts["accepted"] > FUZZED // 20
    assert counts["refused"] > FUZZED // 5


def test_three_evaluators_agree_on_accepted_rules() -> None:
    random = Random(SEED)  # noqa: S311 - reproducible
    make = RuleMaker(random)
    typed = checking_library.NewEnv(variables={feature.name: TYPES[feature.type] for feature in CATALOGUE})
    counts: Counter[object] = Counter()
    while counts[True] + counts[False] < COMPARED:
        source = make.typed()
        try:
            checked = check(source)
        except RuleError:
            counts["refused"] += 1
            continue
        values = seen(random_values(random), checked.features)
        expected = meaning(parse(source), values)
        assert evaluating_library.compile(source).execute(values) is expected, (source, values)
        assert typed.compile(source).eval(data=values).value() is expected, (source, values)
        counts[expected] += 1
    print(dict(counts))  # noqa: T201
    assert min(counts[True], counts[False]) > COMPARED // 10
