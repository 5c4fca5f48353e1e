"""Seeded random rules: well-typed ones, ones that went wrong by a few characters, and noise of many kinds."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from apps.risk.domain.features.catalogue import CATALOGUE, Type, Value
from apps.risk.domain.rule_sets.ranges import RANGES

NAMES = {kind: [feature.name for feature in CATALOGUE if feature.type is kind] for kind in Type}
TEXTS = ("", "EUR", "NG", "DE", "wallet", "confirmed", "clear", "business", "a", "é", "😀", "E", " ", "payout")
INTS = (0, 1, 2, 3, 7, 10, 60, 100, 900, 10_000, 2**31, 2**53, 2**63 - 1)
DOUBLES = (0.0, 0.1, 0.5, 1.0, 1.5, 2.5, 3.0, 100.0, 1e9, 1e-9)
WORDS = [
    *("+", "-", "*", "/", "%", "!", "&&", "||", "==", "!=", "<", "<=", ">", ">=", "?", ":", "(", ")", "[", "]", "{"),
    *("}", ",", ".", "in", "true", "false", "null", "0", "1", "2.5", "5u", "0x1F", "1e400", "'a'", '"b"', "r'x'"),
    *("b'y'", "\\", ";", "#", "@", "$", "all", "exists", "map", "filter", "has", "matches", "size", "type", "int"),
    *("uint", "double", "string", "bytes", "timestamp", "duration", "dyn", "startsWith", "contains", "getHours", "if"),
    *("for", "package", "__proto__", "cel", "google", "// words\n", "\n", "\t", "'''", '"""', "\x00", "\u2028"),
    *("\ud800", "é", "😀", "'\\u0041'", "1.e5", "\u00a0", "9" * 30, *NAMES[Type.INT][:9], *NAMES[Type.STRING]),
]
NEVER = [
    *("[1, 2, 3].all(x, x > 0)", "[[1], [2]].map(x, x.map(y, y * 2))", "has(amount.x)", "country.matches('(a+)+$')"),
    *("timestamp('2020-01-01T00:00:00Z') < timestamp('2021-01-01T00:00:00Z')", "duration('1h') > duration('1m')"),
    *(
        "size(country) > 1",
        "{'a': 1}['a'] == 1",
        "[1][0] == 1",
        "type(amount) == int",
        "amount == null",
        "b'a' == b'a'",
    ),
    *(
        "'a' + 'b' == 'ab'",
        "dyn(amount) == 1.0",
        "string(amount) == '1'",
        "int('1') == 1",
        "1 / 0 == 1",
        "amount > 1.0",
    ),
    *("amount % (amount - amount) == 0", "9223372036854775807 + amount > 0", "1.0 / payer_amount_ratio > 1.0"),
]
"""What CEL has and rules have not: no bound, no result, or not the same result everywhere."""
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")

_Item = TypeVar("_Item")


def random_values(random: Random) -> dict[str, Value]:
    """Return values of all features, the ends of their ranges and beyond among them."""
    return {feature.name: _value(random, feature.name) for feature in CATALOGUE}


def _value(random: Random, name: str) -> Value:
    known = RANGES[name]
    ends: tuple[Any, ...] = (known.low, known.high, known.high + 1)
    values: dict[Type, Sequence[Value]] = {
        Type.BOOL: (True, False),
        Type.STRING: TEXTS,
        Type.INT: (*ends, -(2**70), *INTS, random.randrange(200), *(random.randrange(-20, 20) for _ in range(9))),
        Type.DOUBLE: (*map(float, ends), 1e300, float("nan"), float("-inf"), -0.0, *DOUBLES, random.random()),
    }
    return random.choice(values[known.type])


class RuleMaker:
    """Makes rules of one seed."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def any(self) -> str:
        """Return what people and programs might send as a rule: of all kinds, most of it wrong."""
        kinds = [self.typed, self.typed, self._mutated, self._mutated, self._words, self._refused, self._noise]
        return self._pick([*kinds, self._large])()

    def typed(self, depth: int = 4) -> str:
        """Return a rule whose types fit; it may still be refused, since something might be 0 or too large."""
        small = [self._flag, self._search, self._ints, self._doubles, self._equal_texts, self._options, self._near]
        if depth <= 0:
            return self._pick(small)(0)
        large: list[Callable[[int], str]] = [self._joined, self._joined, self._joined, self._not, self._if, self._same]
        return self._pick([*small, self._numbers, *large])(depth - 1)

    def _pick(self, options: Sequence[_Item]) -> _Item:
        return self._random.choice(options)

    def _chance(self, of: float) -> bool:
        return self._random.random() < of

    def _flag(self, _depth: int) -> str:
        return self._pick(NAMES[Type.BOOL])

    def _search(self, _depth: int) -> str:
        function = self._pick(("startsWith", "endsWith", "contains"))
        return f"{self._pick(NAMES[Type.STRING])}.{function}({self._text()})"

    def _ints(self, depth: int) -> str:
        return f"{self._number(Type.INT, depth)} {self._pick(COMPARISONS)} {self._number(Type.INT, depth)}"

    def _doubles(self, depth: int) -> str:
        return f"{self._number(Type.DOUBLE, depth)}{self._pick(COMPARISONS)}{self._number(Type.DOUBLE, depth)}"

    def _equal_texts(self, _depth: int) -> str:
        return f"{self._text()} {self._pick(('==', '!='))} {self._pick(NAMES[Type.STRING])}"

    def _options(self, _depth: int) -> str:
        options = ", ".join(self._quoted() for _ in range(self._random.randrange(1, 6)))
        return f"{self._pick(NAMES[Type.STRING])} in [{options}]"

    def _numbers(self, _depth: int) -> str:
        options = [f"{self._pick(('', '-'))}{self._pick(INTS[:10])}" for _ in range(self._random.randrange(1, 9))]
        return f"{self._pick(NAMES[Type.INT])} in [{', '.join(options)}] // these\n"

    def _near(self, _depth: int) -> str:
        """Compare small numbers, so that it shows how a quotient is rounded and what sign a remainder has."""
        left, right = self._pick(NAMES[Type.INT]), self._random.randrange(1, 9)
        compared = f"{self._pick(COMPARISONS)} {self._pick(('', '-'))}{self._random.randrange(7)}"
        return f"({left} {self._pick('+-*/%')} {self._pick(('', '-'))}{right}) {compared}"

    def _joined(self, depth: int) -> str:
        sign = self._pick((" && ", " || ", "&&\n", " ||\t"))
        return sign.join(self._part(self.typed(depth)) for _ in range(self._random.randrange(2, 5)))

    def _part(self, rule: str) -> str:
        return f"({rule})" if "?" in rule or self._chance(0.5) else rule

    def _not(self, depth: int) -> str:
        return f"!({self.typed(depth)})"

    def _if(self, depth: int) -> str:
        return f"({self.typed(depth)}) ? ({self.typed(depth)}) : {self.typed(depth)}"

    def _same(self, depth: int) -> str:
        return f"({self.typed(depth)}) {self._pick(('==', '!='))} ({self.typed(depth)})"

    def _number(self, kind: Type, depth: int) -> str:
        if depth <= 0 or self._chance(0.4):
            literals: Sequence[Value] = INTS if kind is Type.INT else DOUBLES
            return self._pick(NAMES[kind]) if self._chance(0.6) else str(self._pick(literals))
        shapes = [self._negated, self._either, self._divided, self._sum, self._sum, self._sum]
        return self._pick([*shapes, self._converted] if kind is Type.DOUBLE else shapes)(kind, depth - 1)

    def _negated(self, kind: Type, _depth: int) -> str:
        return f"-{self._pick(NAMES[kind])}"

    def _either(self, kind: Type, depth: int) -> str:
        return f"({self.typed(depth)} ? {self._number(kind, depth)} : {self._number(kind, depth)})"

    def _divided(self, kind: Type, _depth: int) -> str:
        if kind is Type.INT:
            return f"{self._number(kind, 0)} {self._pick('/%')} {self._pick(('2', '3', '7', 'unit', '-4', 'hour'))}"
        return f"{self._number(kind, 0)} / {self._pick(('2.0', '-0.5', '1e3', 'double(unit)'))}"

    def _converted(self, _kind: Type, depth: int) -> str:
        return f"double({self._number(Type.INT, depth)})"

    def _sum(self, kind: Type, depth: int) -> str:
        left, sign, right = self._number(kind, depth), self._pick("+-*"), self._number(kind, depth)
        return f"{left} {sign} {right}" if self._chance(0.5) else f"({left}){sign}({right})"

    def _text(self) -> str:
        return self._pick(NAMES[Type.STRING]) if self._chance(0.2) else self._quoted()

    def _quoted(self) -> str:
        quote = self._pick("'\"")
        return quote + self._pick(TEXTS) + quote

    def _mutated(self) -> str:
        rule = self.typed()
        for _ in range(self._random.randrange(1, 4)):
            at, other = self._random.randrange(len(rule) + 1), self._random.randrange(len(rule) + 1)
            middle, after = self._pick(
                (
                    ("", 2),
                    (self._pick(WORDS), 0),
                    (rule[other : other + 8], 0),
                    (chr(self._random.randrange(32, 127)), 1),
                )
            )
            rule = rule[:at] + middle + rule[at + after :]
        return rule

    def _words(self) -> str:
        return self._pick(("", " ")).join(self._pick(WORDS) for _ in range(self._random.randrange(20)))

    def _refused(self) -> str:
        return f"{self.typed(1)} {self._pick(('&&', '||'))} {self._pick(NEVER)}"

    def _noise(self) -> str:
        highest = self._pick((128, 0x3000, 0x110000))
        return "".join(chr(self._random.randrange(highest)) for _ in range(self._random.randrange(60)))

    def _large(self) -> str:
        times = self._pick((1, 5, 20, 23, 24, 25, 30, 60, 200, 500, 3_000))
        return self._pick(
            (
                "(" * times + "true" + ")" * times,
                "!(" * times + "true" + ")" * times,
                " && ".join(["payer_is_new"] * times),
                "1 + " * times + "1 > amount",
                "true ? false : " * times + "true",
                f"amount in [{', '.join(map(str, range(times)))}]",
                f"country == '{'x' * times}'",
                "(true && (false || " * times + "true" + "))" * times,
                "-" * times + "amount < 0" + " " * times,
            )
        )
