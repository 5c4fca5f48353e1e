"""Exchanges: how much one currency buys of another."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

from contracts.money import minor_unit_exponents

_PRECISE = Context(prec=60)


def bought_at(sold: int, sold_currency: str, rate: Decimal, bought_currency: str) -> int:
    """Return the minor units that `sold` minor units buy at `rate` (per major unit), rounded half to even."""
    exponents = minor_unit_exponents()
    bought = _PRECISE.multiply(Decimal(sold), rate).scaleb(exponents[bought_currency] - exponents[sold_currency])
    return int(bought.quantize(Decimal(1), ROUND_HALF_EVEN, _PRECISE))
