"""Card numbers have no business here: a body that seems to carry one is refused before anything is done with it.

Numbers are the processors' to see, who make tokens of them. So none can be in a message, a log or a database of ours.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from contracts.money import MAX_AMOUNT
from gateway.bodies import BodyRoute
from gateway.problems import ProblemError

_FEWEST, _MOST = 12, 19
"""Digits of a card number (ISO/IEC 7812-1)."""
_MOST_GROUPS = _MOST // 3
_OF_SCHEMES = frozenset(b"234569")
"""How the numbers of payment schemes begin; a time in milliseconds begins with 1 for another decade."""
_OTHER_SPACES = r"\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
_OTHER_HYPHENS = r"\u00ad\u2010-\u2015\u2212\uff0d"
"""What stands between the groups of a number that is copied from a page or a document. No line ends: a column of short
numbers is none."""
_DIGITS_ENOUGH = re.compile(rf"\d(?:[ {_OTHER_SPACES}{_OTHER_HYPHENS}-]?\d){{11}}")
"""What every card number has in it, and hardly anything else: most texts are done with here."""
_OTHER_SEPARATORS = re.compile(f"[{_OTHER_SPACES}{_OTHER_HYPHENS}]")
_OTHER_DIGITS = re.compile(r"[^\D0-9]")
_WRITTEN = re.compile(r"(?<![0-9])[0-9]{3,}(?:[ -][0-9]{3,})*(?![0-9])")
"""Digits as people write them: in one, or in groups with a space or hyphen between them."""
_NAMES = re.compile(
    r"(?<![0-9a-f])(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32,})(?![0-9a-f])",
    re.IGNORECASE,
)
"""UUIDs and digests, which can have as many digits by chance."""
_DOUBLED, _ZERO = bytes.maketrans(b"0123456789", b"0246813579"), ord("0")
_MOST_LOOKED_AT = 1000

REFUSED = (
    "The body has what looks like a card number in it. Never send one here: have the processor make a token of it, and "
    "send that. Nothing was done, and the number was not kept."
)


def refuse_card_numbers(body: Any) -> None:
    """Raise ProblemError `card_number_refused` when any member's name or value looks like one.

    So it is, too, with more numbers of that length than anybody has reason to send: they would take long to look at.
    """
    numbers = (number for text in _texts(body) for number in _numbers(text))
    for count, number in enumerate(numbers, start=1):
        if count > _MOST_LOOKED_AT or _is_right(number):
            raise ProblemError("card_number_refused", REFUSED)


def has_card_number(text: str) -> bool:
    """Tell whether there are 12 to 19 digits in a row, or in groups, of which the last is right (ISO/IEC 7812-1)."""
    return any(_is_right(number) for number in _numbers(text))


def _numbers(text: str) -> Iterator[bytes]:
    """Yield what is as long as card numbers are, and begins as those of payment schemes do."""
    if _DIGITS_ENOUGH.search(text):
        for run in _WRITTEN.findall(_NAMES.sub(_left, _plain(text))):
            yield from _windows(run.encode())


def _plain(text: str) -> str:
    """Return a text with the digits, spaces and hyphens of all scripts as ASCII has them."""
    if text.isascii():
        return text
    return _OTHER_DIGITS.sub(lambda digit: str(unicodedata.decimal(digit[0])), _OTHER_SEPARATORS.sub(" ", text))


def _left(name: re.Match[str]) -> str:
    """Return what is left of a name: nothing to look at, unless it is but digits."""
    return name[0] if name[0].isdigit() else "x"


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


def _windows(run: bytes) -> Iterator[bytes]:
    """Yield each number that neighbouring groups can be meant as: what stands before or after it is no part of it."""
    groups = run.replace(b"-", b" ").split(b" ")
    for first, group in enumerate(groups):
        if group[0] not in _OF_SCHEMES:
            continue
        number = b""
        for following in groups[first : first + _MOST_GROUPS]:
            number += following
            if len(number) > _MOST:
                break
            if len(number) >= _FEWEST:
                yield number


def _is_right(number: bytes) -> bool:
    """Tell whether the check digit of a number is right (Luhn)."""
    others, doubled = number[-1::-2], number[-2::-2].translate(_DOUBLED)
    return (sum(others) + sum(doubled) - len(number) * _ZERO) % 10 == 0


class CardlessRoute(BodyRoute):
    """A route whose body may carry no card number."""

    check = staticmethod(refuse_card_numbers)
