"""A payment of which nothing is known: what tests of a rule set start from, and what features have that came later."""

from collections.abc import Mapping

from apps.risk.domain.features.catalogue import CATALOGUE, Feature, Type, Value, Values
from apps.risk.domain.rule_sets.ranges import LARGEST_INT

_FACTS: Mapping[str, Value] = {
    "amount": 100,
    "unit": 100,
    "currency": "EUR",
    "direction": "payment",
    "method": "wallet",
    "hour": 12,
    "authenticated_seconds": -1,
    "payer_amount_ratio": 1.0,
    "payer_amount_variation_30d": -1.0,
    "payer_amount_trend": -1.0,
    "account_age_seconds": -1,
    "tier": "unverified",
    "payer_screening": "unknown",
    "beneficiary_screening": "unknown",
    "limit_payment_left": LARGEST_INT,
    "limit_day_left": LARGEST_INT,
    "limit_month_left": LARGEST_INT,
}
_EMPTY: Mapping[Type, Value] = {Type.INT: 0, Type.DOUBLE: 0.0, Type.BOOL: False, Type.STRING: ""}


def _value(feature: Feature) -> Value:
    if feature.name in _FACTS:
        return _FACTS[feature.name]
    if feature.unit == "days":
        return -1.0
    if "_count_" in feature.name or (feature.type is Type.INT and not feature.unit):
        return 1
    if feature.name.endswith("_idle_seconds"):
        return -1
    return feature.name.endswith("_is_new") if feature.type is Type.BOOL else _EMPTY[feature.type]


WITHOUT_HISTORY: Values = {
    feature.name: _FACTS["amount"] if "_sum_" in feature.name else _value(feature) for feature in CATALOGUE
}
"""A payment of 1.00 EUR, counted in everywhere."""


def complete(values: Values) -> Values:
    """Return the values with those of features that are younger than they are."""
    return values if len(values) >= len(WITHOUT_HISTORY) else {**WITHOUT_HISTORY, **values}


def payment_without_history(known: Values) -> dict[str, Value]:
    """Return all features of a payment of which only so much is known; its amount is in its sums."""
    amount = known.get("amount", WITHOUT_HISTORY["amount"])
    sums = {name: amount for name in WITHOUT_HISTORY if "_sum_" in name}
    return {**WITHOUT_HISTORY, **sums, **known}
