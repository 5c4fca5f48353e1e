"""The reasons that fired rules give, with what they saw of the payment filled in."""

import re
from collections.abc import Callable
from typing import Self

from apps.risk.domain.features.catalogue import BY_NAME, Type, Value, Values
from contracts.money import in_major_units, minor_unit_exponents

MOST_MAJOR_UNITS = 10**10
_PLACEHOLDER = re.compile(r"\{([a-z0-9_]{1,64})(:money)?\}")
_Part = Callable[[Values], str]


class Reason:
    """A sentence with places for values: {name} of a feature, {name:money} of an amount, {10000:money} major units."""

    def __init__(self, parts: tuple[_Part, ...]) -> None:
        self._parts = parts

    @classmethod
    def of(cls, template: str) -> Self:
        """Read the sentence. Raises ValueError where a place is for nothing that there is."""
        parts: list[_Part] = []
        end = 0
        for match in _PLACEHOLDER.finditer(template):
            parts += [_words(template[end : match.start()]), _value(match[1], is_money=match[2] is not None)]
            end = match.end()
        return cls((*parts, _words(template[end:])))

    def say(self, values: Values) -> str:
        """Return the sentence about a payment."""
        return "".join(part(values) for part in self._parts)


def _words(text: str) -> _Part:
    if "{" in text or "}" in text:
        raise ValueError("in a reason, { } hold the name of a feature, or an amount with :money")
    return lambda _: text


def _value(name: str, *, is_money: bool) -> _Part:
    if is_money and name.isdigit():
        major = int(name)
        if major > MOST_MAJOR_UNITS:
            raise ValueError(f"an amount in a reason is at most {MOST_MAJOR_UNITS:,}")
        return lambda values: _money(major * int(values["unit"]), values)
    feature = BY_NAME.get(name)
    if feature is None:
        raise ValueError(f"there is no feature {name!r} to say the value of")
    if not is_money:
        return lambda values: _plain(values[name])
    if feature.unit != "minor units" or feature.type not in {Type.INT, Type.DOUBLE}:
        raise ValueError(f"the feature {name!r} is no amount")
    return lambda values: _money(round(float(values[name])) if feature.type is Type.DOUBLE else values[name], values)


def _money(amount: Value, values: Values) -> str:
    currency = str(values["currency"])
    known = currency in minor_unit_exponents()
    return in_major_units(int(amount), currency) if known else f"{amount:,} minor units of {currency}"


def _plain(value: Value) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}"
        case str():
            return value
