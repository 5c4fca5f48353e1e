"""What every format of a statement shares: its facts, its lines, and what can be wrong with them."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from contracts.money import minor_unit_exponents
from contracts.wallet import BALANCE_LIMIT, FIRST_DAY, LAST_DAY, LINE_AMOUNT_LIMIT, LINES_LIMIT, ExternalLine
from gateway.problems import ProblemError

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AMOUNT = re.compile(r"([+-]?)([0-9]{1,18})(?:\.([0-9]{1,18}))?")
_SHOWN = 40
REFERENCE_LENGTH, DESCRIPTION_LENGTH = 140, 500


class StatementError(Exception):
    """A statement cannot be read. `line` is where in the file it is, `place` which column or element."""

    def __init__(self, detail: str, line: int | None = None, place: str | None = None) -> None:
        super().__init__(detail)
        self.detail, self.line, self.place = detail, line, place

    def problem(self) -> ProblemError:
        """Return what the client is answered."""
        where = [f"line {self.line}"] if self.line else []
        where += [f"`{self.place}`"] if self.place else []
        detail = f"{', '.join(where)}: {self.detail}" if where else self.detail
        members = {name: value for name, value in (("line", self.line), ("column", self.place)) if value}
        return ProblemError("statement_invalid", detail, parameter="body", members=members)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a statement says of itself; balances in minor units, both or neither."""

    name: str
    currency: str
    starts_on: date
    ends_on: date
    opening: int | None = None
    closing: int | None = None


class Reader(Protocol):
    """Takes a statement in pieces. `facts` is known before the first line comes."""

    facts: Facts | None

    def feed(self, piece: bytes) -> list[ExternalLine]:
        """Return the lines that are complete now. Raises StatementError."""

    def close(self) -> list[ExternalLine]:
        """Return the last lines; `facts` is known now. Raises StatementError."""


class LineMaker:
    """Numbers the lines of one statement, and refuses what cannot be one."""

    def __init__(self, facts: Facts) -> None:
        """Begin with line 1. Raises StatementError for a period that is none."""
        if not FIRST_DAY <= facts.starts_on <= facts.ends_on <= LAST_DAY:
            raise StatementError(f"a statement is not of the days from {facts.starts_on} to {facts.ends_on}")
        self._facts = facts
        self.count = 0

    def make(
        self, booked_on: date, amount: int, reference: str | None, description: str | None, external_id: str | None
    ) -> ExternalLine:
        """Return the next line. Raises StatementError."""
        if not self._facts.starts_on <= booked_on <= self._facts.ends_on:
            period = f"{self._facts.starts_on} to {self._facts.ends_on}"
            raise StatementError(f"it was booked on {booked_on}, outside the statement's period, {period}")
        if abs(amount) > LINE_AMOUNT_LIMIT:
            raise StatementError(f"the amount is above {LINE_AMOUNT_LIMIT} minor units")
        if self.count == LINES_LIMIT:
            raise StatementError(f"a statement has at most {LINES_LIMIT} lines; import it in parts")
        self.count += 1
        # Not checked once more: all of it was, and there may be millions.
        return ExternalLine.model_construct(
            number=self.count,
            booked_on=booked_on,
            amount=amount,
            reference=_text(reference, REFERENCE_LENGTH),
            description=_text(description, DESCRIPTION_LENGTH),
            external_id=_text(external_id, REFERENCE_LENGTH),
        )


def _text(text: str | None, length: int) -> str | None:
    """Return a text without control characters and without more than fits; None for nothing."""
    if not text:
        return None
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text.strip()[:length] or None


def read_date(text: str) -> date:
    """Return a calendar date (ISO 8601, `2026-01-31`). Raises StatementError."""
    try:
        day = date.fromisoformat(_DATE.fullmatch(text.strip())[0])  # type: ignore[index]
    except (TypeError, ValueError):
        raise StatementError(f"{shown(text)} is not a date such as 2026-01-31") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise StatementError(f"{shown(text)} is not between {FIRST_DAY} and {LAST_DAY}")
    return day


def read_amount(text: str, currency: str) -> int:
    """Return minor units of an amount in major ones, with a point. Raises StatementError; never rounds."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise StatementError(f"{shown(text)} is not an amount such as -12.50")
    sign, whole, fraction = found[1], found[2], (found[3] or "").rstrip("0")
    exponent = minor_unit_exponents()[currency]
    if len(fraction) > exponent:
        raise StatementError(f"{shown(text)} has more decimals than {currency} has")
    amount = int(whole + fraction.ljust(exponent, "0"))
    if amount > BALANCE_LIMIT:
        raise StatementError(f"{shown(text)} is too large")
    return -amount if sign == "-" else amount


def shown(text: str) -> str:
    """Return what was found, short enough for a sentence."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
