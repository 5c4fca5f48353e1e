"""Card numbers have no business here: a body that seems to carry one is refused before anything is done with it.

Numbers are the processors' to see, who make tokens of them. So none can be in a message, a log or a database of ours.
"""

import re
from collections.abc import Iterator
from typing import Any

from contracts.money import MAX_AMOUNT
from gateway.bodies import BodyRoute
from gateway.problems import ProblemError

_FEWEST, _MOST = 12, 19
"""Digits of a card number (ISO/IEC 7812-1)."""
_OF_SCHEMES = frozenset("234569")
"""How the numbers of payment schemes begin; a time in milliseconds begins with 1 for another decade."""
_WRITTEN = re.compile(r"(?<![0-9])[0-9]{3,}(?:[ -][0-9]{3,})*(?![0-9])")
"""Digits as people write them: in one, or in groups with a space or hyphen between them."""
_NAMES = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[0-9]*[a-f])[0-9a-f]{32,}", re.IGNORECASE
)
"""UUIDs and digests, which can have as many digits by chance."""
_DOUBLED = str.maketrans("0123456789", "0246813579")

REFUSED = (
    "The body has what looks like a card number in it. Never send one here: have the processor make a token of it, and "
    "send that. Nothing was done, and the number was not kept."
)


def refuse_card_numbers(body: Any) -> None:
    """Raise ProblemError `card_number_refused` when any member's name or value looks like one."""
    if any(has_card_number(text) for text in _texts(body)):
        raise ProblemError("card_number_refused", REFUSED)


def has_card_number(text: str) -> bool:
    """Tell whether there are 12 to 19 digits in a row, or in groups, of which the last is right (ISO/IEC 7812-1)."""
    if len(text) < _FEWEST:
        return False
    return any(_is_one(number) for run in _WRITTEN.findall(_NAMES.sub("x", text)) for number in _windows(run))


def _texts(body: Any) -> Iterator[str]:
    """Yield all that is written in a JSON document. Whole numbers that can be amounts are no card numbers."""
    rest = [body]
    while rest:
        match rest.pop():
            case dict() as members:
                rest += [*members, *members.values()]
            case list() as items:
                rest += items
            case str() as text:
                yield text
            case int() | float() as number if number > MAX_AMOUNT:
                yield str(number)


def _windows(run: str) -> Iterator[str]:
    """Yield each number that neighbouring groups can be meant as: what stands before or after it is no part of it."""
    groups = re.split("[ -]", run)
    for first in range(len(groups)):
        number = ""
        for group in groups[first:]:
            number += group
            if len(number) > _MOST:
                break
            if len(number) >= _FEWEST:
                yield number


def _is_one(number: str) -> bool:
    """Tell whether a payment scheme could have issued it, and its check digit is right (Luhn)."""
    if number[0] not in _OF_SCHEMES:
        return False
    return sum(map(int, number[-1::-2] + number[-2::-2].translate(_DOUBLED))) % 10 == 0


class CardlessRoute(BodyRoute):
    """A route whose body may carry no card number."""

    check = staticmethod(refuse_card_numbers)
