"""Statements as CSV (RFC 4180): a header, then a line each.

Columns, in any order, others are ignored: `date` (2026-01-31); `amount` (major units, `-12.50`) or `amount_minor`
(cents); `reference`, `description` and `id`, if there are any. Money that reached us is positive. UTF-8, with comma or
semicolon.
"""

import codecs
import csv
from collections.abc import Iterator

from contracts.wallet import ExternalLine
from gateway.external_statements.reading import Facts, LineMaker, StatementError, read_amount, read_date, shown

RECORD_LENGTH = 16_384
COLUMNS = ("date", "amount", "amount_minor", "reference", "description", "id")


class CsvReader:
    """Reads CSV as it arrives: whole records, of which a quoted field may contain line breaks."""

    def __init__(self, facts: Facts) -> None:
        self.facts: Facts | None = facts
        self._currency = facts.currency
        self._lines = LineMaker(facts)
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""
        self._record = ""
        self._row = 0
        self._started_at = 1
        self._delimiter = ","
        self._columns: dict[str, int] | None = None
        self._width = 0

    def feed(self, piece: bytes) -> list[ExternalLine]:
        """Return the lines that are complete now. Raises StatementError."""
        return self._read(self._decoded(piece, final=False))

    def close(self) -> list[ExternalLine]:
        """Return the last line, if it has no line break. Raises StatementError."""
        lines = self._read(self._decoded(b"", final=True) + "\n")
        if self._record.strip():
            raise StatementError("a quoted field does not end", self._started_at)
        if self._columns is None:
            raise StatementError("the file is empty; the first line names the columns", 1)
        return lines

    def _decoded(self, piece: bytes, *, final: bool) -> str:
        try:
            return self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            row = self._row + 1 + error.object[: error.start].count(b"\n")
            raise StatementError("it is not written in UTF-8", row) from None

    def _read(self, text: str) -> list[ExternalLine]:
        return [line for record in self._records(text) if (line := self._line(record))]

    def _records(self, text: str) -> Iterator[str]:
        """Yield whole records: those in which every quotation mark has its partner."""
        *rows, self._rest = (self._rest + text).split("\n")
        for row in rows:
            self._row += 1
            if not self._record:
                self._started_at = self._row
            self._record += row + "\n"
            if self._record.count('"') % 2 == 0:
                yield self._record
                self._record = ""
            _check_length(self._record, self._started_at)
        _check_length(self._rest, self._row + 1)

    def _line(self, record: str) -> ExternalLine | None:
        if not record.strip():
            return None
        if self._columns is None:
            self._columns = self._header(record)
            return None
        try:
            return self._made(self._fields(record), self._columns)
        except StatementError as error:
            raise StatementError(error.detail, error.line or self._started_at, error.place) from None

    def _header(self, record: str) -> dict[str, int]:
        self._delimiter = ";" if record.count(";") > record.count(",") else ","
        names = [name.strip().lower() for name in self._fields(record)]
        columns = {name: place for place, name in enumerate(names) if name in COLUMNS}
        missing = [name for name in ("date",) if name not in columns]
        missing += [] if {"amount", "amount_minor"} & columns.keys() else ["amount"]
        if missing:
            raise StatementError("the header has no such column", self._started_at, missing[0])
        if {"amount", "amount_minor"} <= columns.keys():
            raise StatementError("the header has both `amount` and `amount_minor`", self._started_at, "amount")
        if twice := next((name for name in columns if names.count(name) > 1), None):
            raise StatementError("the header has this column twice", self._started_at, twice)
        self._width = len(names)
        return columns

    def _fields(self, record: str) -> list[str]:
        try:
            (fields,) = csv.reader([record.rstrip("\r\n")], delimiter=self._delimiter, strict=True)
        except (csv.Error, ValueError):
            raise StatementError("it is not CSV; a field with quotation marks is quoted itself") from None
        return fields

    def _made(self, fields: list[str], columns: dict[str, int]) -> ExternalLine:
        def field(name: str) -> str | None:
            place = columns.get(name)
            return None if place is None else fields[place]

        # A field too many is a comma too many: `1,50` without quotation marks is no amount of 1.
        if not max(columns.values()) < len(fields) <= self._width:
            raise StatementError(f"it has {len(fields)} fields, the header has {self._width}")
        try:
            place = "date"
            booked_on = read_date(field("date") or "")
            place = "amount" if "amount" in columns else "amount_minor"
            amount = self._amount(field(place) or "", place)
        except StatementError as error:
            raise StatementError(error.detail, place=place) from None
        return self._lines.make(booked_on, amount, field("reference"), field("description"), field("id"))

    def _amount(self, text: str, place: str) -> int:
        if place == "amount":
            amount = read_amount(text, self._currency)
        else:
            digits = text.strip()
            if not digits.lstrip("+-").isdecimal() or not digits.isascii() or len(digits) > 20:  # noqa: PLR2004
                raise StatementError(f"{shown(text)} is not a number of minor units such as -1250")
            try:
                amount = int(digits)
            except ValueError:
                raise StatementError(f"{shown(text)} is not a number of minor units such as -1250") from None
        if amount == 0:
            raise StatementError("a line that moves no money; leave it out")
        return amount


def _check_length(record: str, row: int) -> None:
    if len(record) > RECORD_LENGTH:
        raise StatementError(f"it has more than {RECORD_LENGTH} characters", row)
