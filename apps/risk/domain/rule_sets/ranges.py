"""The range of every feature: what a rule can see of its values, and what it is proven for when it is saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan

from apps.risk.domain.features.catalogue import CATALOGUE, Feature, Type, Value
from contracts.money import MAX_AMOUNT

LARGEST_INT = 2**53
"""No whole number of a feature is larger: up to here every one has a double of its own."""
LARGEST_DOUBLE = 1e15
_BY_UNIT: Mapping[str, tuple[int, int]] = {
    "hours, UTC": (0, 23),
    "days, UTC": (0, 6),
    "seconds": (-1, LARGEST_INT),
    "payments": (0, LARGEST_INT),
}
_BY_NAME: Mapping[str, tuple[int, int]] = {"amount": (0, MAX_AMOUNT), "unit": (1, 10_000)}


@dataclass(frozen=True, slots=True)
class Range:
    """The type of a value, and for a number the least and the largest that it can be."""

    type: Type
    low: int | float = 0
    high: int | float = 0

    def clamp(self, value: Value) -> Value:
        """Return the value as rules see it: of the type, and within the range. Raises TypeError for another type."""
        match self.type, value:
            case Type.BOOL, bool():
                return value
            case Type.STRING, str():
                return value
            case Type.INT, int() if not isinstance(value, bool):
                return min(max(value, self.low), self.high)
            case Type.DOUBLE, int() | float() if not isinstance(value, bool):
                return 0.0 if isnan(value) else float(min(max(value, self.low), self.high))
            case _:
                raise TypeError(f"{value!r} is no {self.type.value}")


def _range_of(feature: Feature) -> Range:
    match feature.type:
        case Type.INT:
            whole = (-LARGEST_INT, LARGEST_INT)
            return Range(Type.INT, *_BY_NAME.get(feature.name, _BY_UNIT.get(feature.unit, whole)))
        case Type.DOUBLE:
            return Range(Type.DOUBLE, -LARGEST_DOUBLE, LARGEST_DOUBLE)
        case _:
            return Range(feature.type, 0, 1)


RANGES: Mapping[str, Range] = {feature.name: _range_of(feature) for feature in CATALOGUE}
