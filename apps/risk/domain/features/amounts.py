"""The same payment with another amount: what a decline's "approved up to" is found with."""

from apps.risk.domain.features.catalogue import CATALOGUE, Value, Values

_SUMS = tuple(feature.name for feature in CATALOGUE if "_sum_" in feature.name)
_LIMITS = ("limit_payment_left", "limit_day_left", "limit_month_left")
_MEAN, _RATIO, _DEVIATION = "payer_mean_amount_30d", "payer_amount_ratio", "payer_amount_deviation"
AMOUNT_FEATURES = frozenset({"amount", _RATIO, _DEVIATION, *_SUMS, *_LIMITS})
"""What changes with the amount."""


def with_amount(values: Values, amount: int) -> dict[str, Value]:
    """Return the values of the same payment with another amount, in minor units.

    A sum below the amount is that of something the payment does not name; it stays. Where the deviation is 0, the
    standard deviation is not known from it, and it stays too.
    """
    old = int(values["amount"])
    more = amount - old
    changed: dict[str, Value] = {**values, "amount": amount}
    for name in _SUMS:
        before = int(values[name])
        changed[name] = before + more if before >= old else before
    for name in _LIMITS:
        changed[name] = int(values[name]) - more
    mean, deviation = float(values[_MEAN]), float(values[_DEVIATION])
    if mean > 0:
        changed[_RATIO] = amount / mean
        if spread := (old - mean) / deviation if deviation else 0.0:
            changed[_DEVIATION] = (amount - mean) / spread
    return changed
