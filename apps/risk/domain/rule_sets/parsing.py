"""Reads the part of CEL that rules are written in, after CEL's own grammar (CEL language definition, Syntax).

Whatever may loop, may fail or costs what its size does not tell has no production here.
"""

from collections.abc import Callable
from math import ceil, isinf, log2
from typing import TypeVar

from apps.risk.domain.rule_sets.errors import RuleError, error_at
from apps.risk.domain.rule_sets.syntax import (
    Binary,
    Call,
    Chain,
    Choice,
    Literal,
    Membership,
    Name,
    Node,
    Unary,
)
from apps.risk.domain.rule_sets.tokens import Kind, Token, tokenize

NODES = 200
"""The most parts of one rule: operators, features, literals."""
NESTING = 24
"""How deep a rule's tree and its brackets may go; the checking library gives up at 32."""
LIST_ITEMS = 100
LARGEST_INT = 2**63 - 1

CONVERSION = "double"
TEXT_FUNCTIONS = frozenset({"startsWith", "endsWith", "contains"})

_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_MACROS = frozenset(
    {"all", "exists", "exists_one", "existsOne", "map", "filter", "has", "transformList", "transformMap"}
)


def parse(source: str) -> Node:
    """Return the tree of the rule. Raises RuleError for what is no rule, or too large."""
    return _Parser(source).rule()


_Made = TypeVar("_Made", bound=Node)


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = tokenize(source)
        self._next = 0
        self._nodes = 0
        self._open = 0

    def rule(self) -> Node:
        node = self._choice()
        if self._token.kind is not Kind.END:
            raise self._error(f"{self._token.text!r} was not expected here")
        _check_depth(self._source, node)
        return node

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _error(self, reason: str, token: Token | None = None) -> RuleError:
        return error_at(self._source, (token or self._token).offset, reason)

    def _take(self) -> Token:
        token = self._token
        self._next += 1
        return token

    def _is(self, *signs: str) -> bool:
        return self._token.kind is Kind.SIGN and self._token.text in signs

    def _accept(self, sign: str) -> bool:
        found = self._is(sign)
        self._next += found
        return found

    def _expect(self, sign: str, what: str) -> None:
        if not self._accept(sign):
            raise self._error(f"{sign} is missing {what}")

    def _made(self, node: _Made) -> _Made:
        """Count the node, and refuse it where the rule gets too large by it."""
        self._nodes += 1
        if self._nodes > NODES:
            raise error_at(self._source, node.offset, f"a rule has at most {NODES} parts")
        return node

    def _nested(self, read: Callable[[], Node]) -> Node:
        """Read what stands within brackets or after an operator that can stand there again."""
        self._open += 1
        if self._open > NESTING:
            raise self._error(_TOO_DEEP)
        node = read()
        self._open -= 1
        return node

    def _choice(self) -> Node:
        condition = self._chain("||", lambda: self._chain("&&", self._comparison))
        if not self._is("?"):
            return condition
        offset = self._take().offset
        then = self._nested(lambda: self._chain("||", lambda: self._chain("&&", self._comparison)))
        self._expect(":", "after what follows ? (a choice within it stands in brackets)")
        otherwise = self._nested(self._choice)
        return self._made(Choice(offset, condition, then, otherwise))

    def _chain(self, sign: str, read: Callable[[], Node]) -> Node:
        parts = [read()]
        offset = self._token.offset
        while self._accept(sign):
            parts.append(read())
        if len(parts) == 1:
            return parts[0]
        self._nodes += len(parts) - 2
        return self._made(Chain(offset, sign, tuple(parts)))

    def _comparison(self) -> Node:
        left = self._sum()
        while True:
            token = self._token
            if token.kind is Kind.NAME and token.text == "in":
                self._take()
                options = self._options()
                left = self._made(Membership(token.offset, left, options))
            elif self._is(*_COMPARISONS):
                self._take()
                right = self._sum()
                left = self._made(Binary(token.offset, token.text, left, right))
            else:
                return left

    def _sum(self) -> Node:
        return self._operations(self._product, "+", "-")

    def _product(self) -> Node:
        return self._operations(self._unary, "*", "/", "%")

    def _operations(self, read: Callable[[], Node], *signs: str) -> Node:
        left = read()
        while self._is(*signs):
            token = self._take()
            right = read()
            left = self._made(Binary(token.offset, token.text, left, right))
        return left

    def _unary(self) -> Node:
        if not self._is("!", "-"):
            return self._member()
        token = self._take()
        if self._is("!", "-"):
            raise self._error(f"{token.text} and {self._token.text} do not follow each other; use brackets")
        operand = self._member()
        return self._made(Unary(token.offset, token.text, operand))

    def _member(self) -> Node:
        node = self._primary()
        while True:
            if self._is("["):
                raise self._error("nothing in a rule has parts that [ ] could take")
            if self._is("{"):
                raise self._error("messages and maps have no place in a rule")
            if not self._accept("."):
                return node
            node = self._text_function(node)

    def _text_function(self, of: Node) -> Node:
        token = self._take()
        if token.text in _MACROS:
            raise self._error(_NO_MACROS.format(token.text), token)
        if token.kind is not Kind.NAME or token.text not in TEXT_FUNCTIONS:
            raise self._error(f"after a dot there is only {', '.join(sorted(TEXT_FUNCTIONS))}", token)
        self._expect("(", f"after {token.text}")
        argument = self._nested(self._choice)
        self._expect(")", f"after what {token.text} looks for")
        return self._made(Call(token.offset, token.text, (of, argument)))

    def _primary(self) -> Node:
        token = self._take()
        match token.kind:
            case Kind.INT | Kind.DOUBLE | Kind.TEXT:
                return self._made(Literal(token.offset, self._value(token)))
            case Kind.NAME:
                return self._name(token)
            case Kind.END:
                raise self._error("the rule ends where a value is missing", token)
            case Kind.SIGN:
                return self._bracket(token)

    def _bracket(self, token: Token) -> Node:
        if token.text == "(":
            node = self._nested(self._choice)
            self._expect(")", "to close the bracket")
            return node
        if token.text == "[":
            raise self._error("a list stands only after `in`", token)
        if token.text == "{":
            raise self._error("messages and maps have no place in a rule", token)
        raise self._error(f"a value is missing before {token.text!r}", token)

    def _name(self, token: Token) -> Node:
        if token.text in {"true", "false"}:
            return self._made(Literal(token.offset, token.text == "true"))
        if token.text in {"in", "null"}:
            raise self._error(f"{token.text!r} is no value", token)
        if self._is("("):
            return self._call(token)
        return self._made(Name(token.offset, token.text))

    def _call(self, token: Token) -> Node:
        if token.text in _MACROS:
            raise self._error(_NO_MACROS.format(token.text), token)
        if token.text != CONVERSION:
            raise self._error(f"there is no function {token.text!r}; there is {CONVERSION}", token)
        self._take()
        argument = self._nested(self._choice)
        self._expect(")", f"after what {token.text} takes")
        return self._made(Call(token.offset, token.text, (argument,)))

    def _options(self) -> tuple[Literal, ...]:
        start = self._token
        if not self._accept("["):
            raise self._error("after `in` stands a list of values: [ ]")
        options: list[Literal] = []
        while not self._accept("]"):
            if options:
                self._expect(",", "between the values of a list")
            options.append(self._option())
        if not 1 <= len(options) <= LIST_ITEMS:
            raise self._error(f"a list has 1 to {LIST_ITEMS} values", start)
        return tuple(options)

    def _option(self) -> Literal:
        minus = self._token if self._accept("-") else None
        token = self._take()
        if token.kind in {Kind.INT, Kind.DOUBLE} or (token.kind is Kind.TEXT and minus is None):
            value = self._value(token)
        else:
            raise self._error("a list has only numbers or only texts, written out", token)
        if minus is not None and not isinstance(value, str):
            value = -value
        return self._made(Literal((minus or token).offset, value))

    def _value(self, token: Token) -> int | float | str:
        if token.kind is Kind.TEXT:
            return token.text
        if token.kind is Kind.INT:
            if len(token.text) > 1 and token.text.startswith("0"):
                raise self._error("a whole number does not start with 0", token)
            if len(token.text) > len(str(LARGEST_INT)) or int(token.text) > LARGEST_INT:
                raise self._error(f"a whole number is at most {LARGEST_INT}", token)
            return int(token.text)
        number = float(token.text)
        if isinf(number):
            raise self._error("the number is too large", token)
        return number


def _check_depth(source: str, node: Node) -> int:
    """Return how many levels the tree has. Raises RuleError at the part where it gets too deep."""
    levels = ceil(log2(len(node.parts))) if isinstance(node, Chain) else 1
    depth = levels + max((_check_depth(source, child) for child in node.children), default=0)
    if depth > NESTING:
        raise error_at(source, node.offset, _TOO_DEEP)
    return depth


_TOO_DEEP = f"a rule is at most {NESTING} levels deep"
_NO_MACROS = "{} is a macro: what it costs has no bound, so it has no place in a rule"
