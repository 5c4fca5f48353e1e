"""A rule set ready to be asked about payments."""

from dataclasses import dataclass
from typing import Any

import cel

from apps.risk.domain.features.amounts import AMOUNT_FEATURES
from apps.risk.domain.features.catalogue import Type, Value, Values
from apps.risk.domain.rule_sets.built_in import BUILT_IN
from apps.risk.domain.rule_sets.documents import RuleDocument, RuleSetDocument
from apps.risk.domain.rule_sets.language import check
from apps.risk.domain.rule_sets.ranges import RANGES
from apps.risk.domain.rule_sets.wording import Reason
from contracts.risk import RuleAction

_ORDER = tuple(RuleAction)
_PYTHON_TYPES = {Type.INT: int, Type.DOUBLE: float, Type.BOOL: bool, Type.STRING: str}


@dataclass(frozen=True, slots=True)
class ReadyRule:
    """A rule that was checked and compiled; `features` is what it looks at. Nothing allows away what is built in."""

    document: RuleDocument
    features: frozenset[str]
    program: cel.Program
    reason: Reason
    is_built_in: bool = False

    @classmethod
    def of(cls, document: RuleDocument, *, is_built_in: bool = False) -> "ReadyRule":
        """Check and compile it. Raises RuleError for the expression, ValueError for the reason."""
        checked = check(document.when)
        return cls(document, checked.features, cel.compile(document.when), Reason.of(document.reason), is_built_in)


_BUILT_IN = tuple(ReadyRule.of(document, is_built_in=True) for document in BUILT_IN)


class ReadyRules:
    """Rules that are asked together: each is true or false of whatever payment (see language), so none can fail."""

    def __init__(self, rules: tuple[ReadyRule, ...]) -> None:
        self.rules = rules
        names = sorted(frozenset[str]().union(*(rule.features for rule in rules)))
        self._features = [(name, _PYTHON_TYPES[RANGES[name].type], RANGES[name]) for name in names]
        self._programs = [(rule, rule.program.execute) for rule in rules]

    def fired(self, values: Values) -> tuple[ReadyRule, ...]:
        """Return the rules that are true of the payment, in their order.

        Raises KeyError where a feature has no value, and TypeError where it has one of another type.
        """
        seen: dict[str, Value] = {}
        for name, kind, limits in self._features:
            value: Any = values[name]
            number: Any = value
            within = type(value) is kind and (kind is str or limits.low <= number <= limits.high)
            seen[name] = value if within else limits.clamp(value)
        context = cel.Context(seen)
        return tuple([rule for rule, execute in self._programs if execute(context)])


class RuleSet:
    """A rule set and its rules in the order in which they are asked and named: built-in ones, then by action.

    `by_amount` are those that look at what another amount of the same payment changes, `by_the_rest` all others.
    """

    def __init__(self, document: RuleSetDocument, rules: tuple[ReadyRule, ...]) -> None:
        self.document = document
        self.hash = document.hash
        enabled = [rule for rule in rules if rule.document.enabled]
        self.ready = ReadyRules((*_BUILT_IN, *sorted(enabled, key=_place)))
        self.by_amount = ReadyRules(tuple(rule for rule in self.ready.rules if rule.features & AMOUNT_FEATURES))
        self.by_the_rest = ReadyRules(tuple(rule for rule in self.ready.rules if not rule.features & AMOUNT_FEATURES))


def _place(rule: ReadyRule) -> tuple[int, int, str]:
    return _ORDER.index(rule.document.action), rule.document.priority, rule.document.name
