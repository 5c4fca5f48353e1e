"""Birth dates as the lists write them; what cannot be read says nothing, since it would speak against a match."""

import re
from datetime import date, datetime

from apps.risk.domain.screening.birth_dates import BirthDate

_YEARS = range(1800, 2100)
_DAY_FORMATS = ("%d %b %Y", "%Y-%m-%d", "%d/%m/%Y")
_MONTH = re.compile(r"(?:[A-Za-z]{3} |\d{4}-\d{2}$)")
_YEAR = re.compile(r"\b(\d{4})\b")
_ABOUT = re.compile(r"^(?:circa|c\.|approximately|approx\.?|about)\s*", re.IGNORECASE)


def read_birth_date(text: str) -> BirthDate | None:
    """Read `28 Jul 1963`, `Jul 1963`, `1963`, `1963-07-28`, `circa 1963`, `1958 to 1963`; None for anything else."""
    plain = " ".join(text.split())
    written = _ABOUT.sub("", plain)
    years = [int(year) for year in _YEAR.findall(written)]
    if not years or not all(year in _YEARS for year in years):
        return None
    if len(years) > 1:
        return BirthDate(min(years), max(years)) if len(years) == 2 else None  # noqa: PLR2004 - from and to
    if written != plain:
        return BirthDate.about(years[0])
    day = _day(written)
    if day is None and written != str(years[0]) and not _MONTH.match(written):
        return None
    return BirthDate(years[0], years[0], day)


def year_of(text: str) -> int | None:
    """Return a year that somebody may be born in, None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and int(text) in _YEARS else None


def _day(text: str) -> date | None:
    for written in _DAY_FORMATS:
        try:
            return datetime.strptime(text, written).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None
