"""Birth dates as lists give them: a day, a month, a year, or some years; and how they speak for or against a match."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

_WRITTEN = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?|(\d{4})/(\d{4})")

SAME_DAY, SAME_YEAR, NOTHING_SAID, SAME_YEAR_ANOTHER_DAY, ANOTHER_YEAR = 5, 3, 0, -5, -20
"""What is added to a score."""


@dataclass(frozen=True, slots=True)
class BirthDate:
    """A birth date as a list gives it: within the years `first` to `last`, on `day` where the list says that."""

    first: int
    last: int
    day: date | None = None

    @classmethod
    def read(cls, text: str) -> "BirthDate":
        """Read what `str` writes. Raises ValueError."""
        found = _WRITTEN.fullmatch(text)
        if not found:
            raise ValueError(f"not a birth date: {text!r}")
        year, month, day, first, last = found.groups()
        if first:
            return cls(int(first), int(last))
        return cls(int(year), int(year), date(int(year), int(month), int(day)) if day else None)

    @classmethod
    def about(cls, year: int) -> "BirthDate":
        """Return about a year: the one before and the one after too."""
        return cls(year - 1, year + 1)

    def __str__(self) -> str:
        if self.day:
            return self.day.isoformat()
        return f"{self.first:04}" if self.first == self.last else f"{self.first:04}/{self.last:04}"


def speaks(asked: date | None, listed: Iterable[BirthDate]) -> int:
    """Return what birth dates add to a score; of several that a list gives, the one that speaks most for a match."""
    if asked is None:
        return NOTHING_SAID
    return max((_compare(asked, one) for one in listed), default=NOTHING_SAID)


def _compare(asked: date, listed: BirthDate) -> int:
    if not listed.first <= asked.year <= listed.last:
        near = listed.first - 1 <= asked.year <= listed.last + 1
        return SAME_YEAR_ANOTHER_DAY if near else ANOTHER_YEAR
    if listed.day is None:
        return SAME_YEAR
    if listed.day == asked:
        return SAME_DAY
    swapped = (listed.day.day, listed.day.month) == (asked.month, asked.day)
    return SAME_YEAR if swapped else SAME_YEAR_ANOTHER_DAY
