"""Proves of a rule that it says yes or no of every payment: types fit, nothing overflows, nothing is divided by 0.

The proof is by ranges: from what every feature can be follows what every part can be. Doubles are rounded up or down
alike, so the ends of a range are exact.
"""

import operator
from collections.abc import Callable
from math import isfinite

from rapidfuzz import process

from apps.risk.domain.features.catalogue import Type, Value
from apps.risk.domain.rule_sets.errors import RuleError, error_at
from apps.risk.domain.rule_sets.parsing import LARGEST_INT, TEXT_FUNCTIONS
from apps.risk.domain.rule_sets.ranges import RANGES, Range
from apps.risk.domain.rule_sets.syntax import Binary, Call, Chain, Choice, Literal, Membership, Name, Node, Unary

_BOOL = Range(Type.BOOL)
_NUMBERS = frozenset({Type.INT, Type.DOUBLE})
_SIMILAR = 75
"""From which similarity on (percent) a feature's name is offered in place of one that there is not."""


def prove(source: str, rule: Node) -> None:
    """Return where the rule is true or false whatever the features are. Raises RuleError where it might be neither."""
    found = _Prover(source).range(rule)
    if found.type is not Type.BOOL:
        raise error_at(source, 0, f"a rule is true or false, this is {_named(found)}")


class _Prover:
    def __init__(self, source: str) -> None:
        self._source = source

    def range(self, node: Node) -> Range:
        match node:
            case Literal() | Name():
                return self._leaf(node)
            case Unary():
                return self._unary(node)
            case Binary():
                return self._binary(node)
            case Chain():
                return self._chain(node)
            case Choice():
                return self._choice(node)
            case Membership() | Call():
                return self._membership(node) if isinstance(node, Membership) else self._call(node)

    def _error(self, node: Node, reason: str) -> RuleError:
        return error_at(self._source, node.offset, reason)

    def _leaf(self, node: Literal | Name) -> Range:
        if isinstance(node, Literal):
            return _of_literal(node.value)
        found = RANGES.get(node.name)
        if found is not None:
            return found
        similar = process.extractOne(node.name, RANGES.keys(), score_cutoff=_SIMILAR)
        hint = f"; is {similar[0]} meant?" if similar else ""
        raise self._error(node, f"there is no feature {node.name[:64]!r}{hint}")

    def _unary(self, node: Unary) -> Range:
        operand = self.range(node.operand)
        if node.sign == "!":
            return self._wants(operand, Type.BOOL, node, "! negates")
        self._wants_number(operand, node, "- negates")
        return Range(operand.type, -operand.high, -operand.low)

    def _chain(self, node: Chain) -> Range:
        for part in node.parts:
            self._wants(self.range(part), Type.BOOL, part, f"{node.sign} joins")
        return _BOOL

    def _choice(self, node: Choice) -> Range:
        self._wants(self.range(node.condition), Type.BOOL, node.condition, "? asks")
        then, otherwise = self.range(node.then), self.range(node.otherwise)
        self._same(then, otherwise, node, "the two sides of :")
        return Range(then.type, min(then.low, otherwise.low), max(then.high, otherwise.high))

    def _membership(self, node: Membership) -> Range:
        item = self.range(node.item)
        if item.type is Type.BOOL:
            raise self._error(node, "`in` looks for a number or a text, not for true or false")
        for option in node.options:
            self._same(item, _of_literal(option.value), option, "what is looked for and what is in the list")
        return _BOOL

    def _call(self, node: Call) -> Range:
        arguments = [self.range(argument) for argument in node.arguments]
        if node.function in TEXT_FUNCTIONS:
            for argument in arguments:
                self._wants(argument, Type.STRING, node, f"{node.function} compares")
            return _BOOL
        whole = self._wants(arguments[0], Type.INT, node, f"{node.function} converts")
        return Range(Type.DOUBLE, float(whole.low), float(whole.high))

    def _binary(self, node: Binary) -> Range:
        left, right = self.range(node.left), self.range(node.right)
        self._same(left, right, node, f"the two sides of {node.sign}")
        if node.sign in {"==", "!="}:
            return _BOOL
        self._wants_number(left, node, f"{node.sign} takes")
        if node.sign in {"<", "<=", ">", ">="}:
            return _BOOL
        return self._bounded(node, self._arithmetic(node, left, right))

    def _arithmetic(self, node: Binary, left: Range, right: Range) -> Range:
        match node.sign:
            case "+":
                return Range(left.type, left.low + right.low, left.high + right.high)
            case "-":
                return Range(left.type, left.low - right.high, left.high - right.low)
            case "*":
                return _corners(operator.mul, left, right)
        if right.low <= 0 <= right.high:
            raise self._error(node, f"what stands after {node.sign} might be 0; multiply the other side instead")
        if node.sign == "/":
            return _corners(operator.truediv if left.type is Type.DOUBLE else _truncated, left, right)
        if left.type is Type.DOUBLE:
            raise self._error(node, "% takes whole numbers")
        most = max(abs(right.low), abs(right.high)) - 1
        return Range(Type.INT, max(min(left.low, 0), -most), min(max(left.high, 0), most))

    def _bounded(self, node: Node, found: Range) -> Range:
        if found.type is Type.DOUBLE and not (isfinite(found.low) and isfinite(found.high)):
            raise self._error(node, "the result might be too large for a double")
        if found.type is Type.INT and (found.low < -LARGEST_INT or found.high > LARGEST_INT):
            raise self._error(node, "the result might be too large for a whole number; convert with double( ) first")
        return found

    def _wants(self, found: Range, wanted: Type, node: Node, verb: str) -> Range:
        if found.type is not wanted:
            raise self._error(node, f"{verb} {_NAMES[wanted]}, not {_named(found)}")
        return found

    def _wants_number(self, found: Range, node: Node, verb: str) -> None:
        if found.type not in _NUMBERS:
            raise self._error(node, f"{verb} numbers, not {_named(found)}")

    def _same(self, left: Range, right: Range, node: Node, what: str) -> None:
        if left.type is right.type:
            return
        hint = _MIXED if {left.type, right.type} == _NUMBERS else ""
        raise self._error(node, f"{what} are {_named(left)} and {_named(right)}{hint}")


def _of_literal(value: Value) -> Range:
    match value:
        case bool():
            return _BOOL
        case str():
            return Range(Type.STRING)
        case int():
            return Range(Type.INT, value, value)
        case float():
            return Range(Type.DOUBLE, value, value)


def _corners(operation: Callable[[float, float], float], left: Range, right: Range) -> Range:
    """Return the range of an operation that is monotone in either side."""
    ends = [operation(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
    return Range(left.type, min(ends), max(ends))


def _truncated(dividend: float, divisor: float) -> float:
    """Divide whole numbers, rounding towards 0, as CEL does."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def _named(found: Range) -> str:
    return _NAMES[found.type]


_NAMES = {
    Type.INT: "a whole number",
    Type.DOUBLE: "a double",
    Type.BOOL: "true or false",
    Type.STRING: "a text",
}
_MIXED = ": write 2.0 for 2, or convert with double( )"
