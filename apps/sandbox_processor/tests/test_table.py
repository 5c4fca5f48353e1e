"""The one table of magic: whole, unambiguous, and the same in the guide."""

from pathlib import Path

import pytest

from apps.sandbox_processor.domain.behaviours import TABLE, behaviour_of, token_of
from apps.sandbox_processor.domain.numbers import is_card_number, is_iban
from apps.sandbox_processor.tests.guide_table import guide_table

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "sandbox-processor.md"
NUMBERS = [number for behaviour in TABLE for number in behaviour.numbers]


def test_no_token_and_no_number_means_two_things() -> None:
    assert len({behaviour.token for behaviour in TABLE}) == len(TABLE)
    assert len(set(NUMBERS)) == len(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_could_be_real(number: str) -> None:
    assert is_iban(number) if number[0].isalpha() else is_card_number(number)
    token = token_of(number)
    assert token is not None
    assert behaviour_of(token)


@pytest.mark.parametrize("number", ["4242424242424241", "42424242", "DE88370400440532013000", "4242 4242", "x"])
def test_wrong_check_digits_are_seen(number: str) -> None:
    assert not is_card_number(number)
    assert not is_iban(number)


def test_the_guide_prints_the_table() -> None:
    assert guide_table() in GUIDE.read_text(), f"put this table into {GUIDE.name}:\n{guide_table()}"
