"""Makes a rule set of a document: every rule is checked, and the document's own tests must pass."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple, Self

from apps.risk.domain.rule_sets.built_in import RESERVED_NAMES
from apps.risk.domain.rule_sets.documents import ExpectedOutcome, RuleDocument, RuleSetDocument, RuleSetTest
from apps.risk.domain.rule_sets.errors import RuleError
from apps.risk.domain.rule_sets.evaluating import ReadyRule, RuleSet
from apps.risk.domain.rule_sets.judging import Judgement, judge
from apps.risk.domain.rule_sets.ranges import RANGES
from apps.risk.domain.rule_sets.without_history import payment_without_history
from apps.risk.domain.scoring.model import Model


class Problem(NamedTuple):
    """What is wrong: with which rule or test ("" for the rule set), where in it, and why."""

    rule: str
    place: str
    reason: str


class RuleSetError(Exception):
    """A document is no rule set; all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{p.rule} {p.place}: {p.reason}".strip() for p in problems))
        self.problems = tuple(problems)


class CompiledRuleSet(RuleSet):
    """A rule set whose rules were checked and whose tests passed."""

    @classmethod
    def of(cls, document: RuleSetDocument, model: Model | None = None) -> Self:
        """Check, compile and test it, with the model that it names. Raises RuleSetError with every problem found."""
        problems = [*_problems_of_names(document), *_problems_of_policy(document), *_problems_of_model(document, model)]
        ready: list[ReadyRule] = []
        for rule in document.rules:
            try:
                ready.append(ReadyRule.of(rule))
            except RuleError as error:
                problems.append(Problem(rule.name, error.place, error.reason))
            except ValueError as error:
                problems.append(Problem(rule.name, "reason", str(error)))
        if problems:
            raise RuleSetError(problems)
        rules = cls(document, tuple(ready))
        if failures := [problem for test in document.tests for problem in _failures(rules, test, model)]:
            raise RuleSetError(failures)
        return rules


def _problems_of_names(document: RuleSetDocument) -> Iterator[Problem]:
    for what in (document.rules, document.tests):
        for name, times in Counter(item.name for item in what).items():
            if times > 1:
                yield Problem(name, "name", f"{times} have this name")
    for rule in document.rules:
        yield from _problems_of_reserved(rule)


def _problems_of_reserved(rule: RuleDocument) -> Iterator[Problem]:
    for place, name in (("name", rule.name), ("code", rule.code)):
        if name in RESERVED_NAMES:
            yield Problem(rule.name, place, f"{name} is a rule that every rule set has")


def _problems_of_policy(document: RuleSetDocument) -> Iterator[Problem]:
    bounds = [inf if policy.up_to is None else policy.up_to for policy in document.degraded]
    if bounds[-1] != inf or any(first >= then for first, then in pairwise(bounds)):
        yield Problem("", "degraded", "up_to grows from one to the next, and only the last is null")
    thresholds = document.thresholds
    if thresholds.review is not None and thresholds.block is not None and thresholds.review > thresholds.block:
        yield Problem("", "thresholds", "review is not above block")


def _problems_of_model(document: RuleSetDocument, model: Model | None) -> Iterator[Problem]:
    if document.model != (model.hash if model else None):
        yield Problem("", "model", "the model that the rule set names is not the one at hand")


def _failures(rules: RuleSet, test: RuleSetTest, model: Model | None) -> Iterator[Problem]:
    """Return what is wrong with the values of the test, or else how its outcome differs."""
    wrong = list(_problems_of_values(test))
    if wrong:
        yield from wrong
        return
    judgement = judge(rules, payment_without_history(test.values), model)
    outcome, fires = _outcome(judgement), tuple(rule.name for rule in judgement.fired)
    if outcome is not test.outcome:
        yield Problem(test.name, "outcome", f"{test.outcome} was expected, it is {outcome}")
    if fires != test.fires:
        yield Problem(test.name, "fires", f"{_list(test.fires)} was expected to fire, it is {_list(fires)}")


def _problems_of_values(test: RuleSetTest) -> Iterator[Problem]:
    for name, value in test.values.items():
        if name not in RANGES:
            yield Problem(test.name, "values", f"there is no feature {name[:64]!r}")
            continue
        try:
            RANGES[name].clamp(value)
        except TypeError:
            yield Problem(test.name, "values", f"{name} is of type {RANGES[name].type.value}")


def _outcome(judgement: Judgement) -> ExpectedOutcome:
    return ExpectedOutcome.STEP_UP if judgement.step_up else ExpectedOutcome(judgement.outcome.value)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"
