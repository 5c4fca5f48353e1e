"""Money is whole minor units of a known currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts.money import MAX_AMOUNT, Amount, Currency, in_major_units, minor_unit_exponents

AMOUNT: TypeAdapter[int] = TypeAdapter(Amount)
CURRENCY: TypeAdapter[str] = TypeAdapter(Currency)


@pytest.mark.parametrize("value", ["0", "-1", "1.0", '"1"', "true", "1e3", str(MAX_AMOUNT + 1), "null"])
def test_what_is_not_a_positive_bounded_integer_is_no_amount(value: str) -> None:
    with pytest.raises(ValidationError):
        AMOUNT.validate_json(value)


@given(st.integers(min_value=1, max_value=MAX_AMOUNT))
def test_every_amount_in_bounds_is_one(value: int) -> None:
    assert AMOUNT.validate_json(str(value)) == value


@pytest.mark.parametrize("code", ["eur", "EURO", "XXX", "XAU", "ABC", "", "€"])
def test_unknown_currencies_are_refused(code: str) -> None:
    with pytest.raises(ValidationError):
        CURRENCY.validate_python(code)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1250, "EUR", "12.50 EUR"),
        (5, "EUR", "0.05 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (123456, "JPY", "123,456 JPY"),
        (1234, "KWD", "1.234 KWD"),
        (0, "USD", "0.00 USD"),
        (123456789, "USD", "1,234,567.89 USD"),
    ],
)
def test_people_read_major_units(amount: int, currency: str, text: str) -> None:
    assert in_major_units(amount, currency) == text


@given(st.integers(min_value=-MAX_AMOUNT, max_value=MAX_AMOUNT), st.sampled_from(sorted(minor_unit_exponents())))
def test_rendering_loses_no_digit(amount: int, currency: str) -> None:
    digits = in_major_units(amount, currency).split(" ")[0].replace(",", "").replace(".", "")
    assert int(digits) == amount
