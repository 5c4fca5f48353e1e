"""Money: whole minor units and an ISO 4217 currency, never a float."""

from functools import cache
from typing import Annotated

from iso4217 import Currency as Iso4217
from pydantic import AfterValidator, Field

MAX_AMOUNT = 10**12
"""Minor units in one transfer. Nine million of the largest still sum to less than a signed 64-bit integer."""


@cache
def minor_unit_exponents() -> dict[str, int]:
    """Return ISO 4217 code -> decimal places, for every currency that has a minor unit (so no gold, no XXX)."""
    return {c.code: c.exponent for c in Iso4217 if c.exponent is not None}


def _known_currency(code: str) -> str:
    if code not in minor_unit_exponents():
        raise ValueError("not an ISO 4217 currency code with a minor unit, such as EUR, USD or JPY")
    return code


Currency = Annotated[
    str,
    Field(min_length=3, max_length=3, pattern="^[A-Z]{3}$", description="ISO 4217 code", examples=["EUR"]),
    AfterValidator(_known_currency),
]

Amount = Annotated[
    int,
    Field(strict=True, gt=0, le=MAX_AMOUNT, description="Whole minor units (cents)", examples=[1250]),
]


def in_major_units(amount: int, currency: str) -> str:
    """Render minor units for people: (1250, "EUR") -> "12.50 EUR"."""
    exponent = minor_unit_exponents()[currency]
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(exponent + 1, "0")
    whole = f"{int(digits[: len(digits) - exponent]):,}"
    return f"{sign}{whole}.{digits[-exponent:]} {currency}" if exponent else f"{sign}{whole} {currency}"
