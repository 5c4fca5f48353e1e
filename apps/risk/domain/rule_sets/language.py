"""The language of rules: a part of CEL in which every rule ends, costs little, and is true or false of every payment.

A rule passes three readers that know nothing of each other: the parser and the proof of this room, and Google's
implementation of CEL, which types it against the declared features. A third implementation evaluates it.
"""

import re
from dataclasses import dataclass

from cel_expr_python import cel

from apps.risk.domain.features.catalogue import CATALOGUE, Type
from apps.risk.domain.rule_sets.documents import EXPRESSION_CHARACTERS
from apps.risk.domain.rule_sets.errors import RuleError
from apps.risk.domain.rule_sets.parsing import parse
from apps.risk.domain.rule_sets.proving import prove
from apps.risk.domain.rule_sets.syntax import names

__all__ = ["Checked", "RuleError", "check"]

_TYPES = {
    Type.INT: cel.Type.INT,
    Type.DOUBLE: cel.Type.DOUBLE,
    Type.BOOL: cel.Type.BOOL,
    Type.STRING: cel.Type.STRING,
}
_FEATURES = cel.NewEnv(variables={feature.name: _TYPES[feature.type] for feature in CATALOGUE})
_PLACE = re.compile(r"<input>:(\d+:\d+): ([^\n]+)")


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a rule that was accepted: the features that it refers to."""

    features: frozenset[str]


def check(source: str) -> Checked:
    """Return what is known of the rule. Raises RuleError, with place and reason, for whatever is none."""
    if len(source) > EXPRESSION_CHARACTERS:
        raise RuleError("1:1", f"a rule has at most {EXPRESSION_CHARACTERS} characters")
    rule = parse(source)
    prove(source, rule)
    _check_with_library(source)
    return Checked(names(rule))


def _check_with_library(source: str) -> None:
    try:
        kind = _FEATURES.compile(source).return_type()
    except Exception as error:
        place, reason = _place_of(str(error))
        raise RuleError(place, reason) from error
    if kind != cel.Type.BOOL:
        raise RuleError("1:1", f"a rule is true or false, this is {kind.name()}")


def _place_of(message: str) -> tuple[str, str]:
    match = _PLACE.search(message)
    return (match[1], match[2]) if match else ("1:1", message.splitlines()[0])
