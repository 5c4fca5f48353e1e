"""What a rule means, written down once more and as plainly as can be: a walk over the tree."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from apps.risk.domain.features.catalogue import Values
from apps.risk.domain.rule_sets.syntax import Binary, Call, Chain, Choice, Literal, Membership, Name, Node, Unary


def meaning(node: Node, values: Values) -> Any:  # noqa: PLR0911 - one return for each sort of node
    """Return the value of the node for a payment."""
    match node:
        case Literal():
            return node.value
        case Name():
            return values[node.name]
        case Unary():
            operand = meaning(node.operand, values)
            return not operand if node.sign == "!" else -operand
        case Binary():
            return _BINARY[node.sign](meaning(node.left, values), meaning(node.right, values))
        case Chain():
            return (all if node.sign == "&&" else any)([meaning(part, values) for part in node.parts])
        case Choice():
            return meaning(node.then if meaning(node.condition, values) else node.otherwise, values)
        case Membership():
            return meaning(node.item, values) in [option.value for option in node.options]
        case Call():
            return _CALLS[node.function](*(meaning(argument, values) for argument in node.arguments))


def _divide(dividend: Any, divisor: Any) -> Any:
    if isinstance(dividend, float):
        return dividend / divisor
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


_BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": lambda dividend, divisor: dividend - divisor * _divide(dividend, divisor),
}
_CALLS: Mapping[str, Callable[..., Any]] = {
    "double": float,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}
