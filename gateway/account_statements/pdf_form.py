"""A statement as PDF: A4, for people who keep books.

The bytes of a closed period's statement never change. So there is no time of printing, and nothing about the account
that may change; the fonts are the PDF standard's own; pages are not compressed, since compressors differ; and the
library is pinned to one version (a test compares with a file that was made once).
"""

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from contracts.money import in_major_units
from gateway.account_statements.reading import Page

MEDIA_TYPE = "application/pdf"
MAX_LINES = 5_000
"""More lines than anybody reads on paper; the CSV has no such bound."""

WIDTH, HEIGHT = A4
LEFT, RIGHT, TOP, BOTTOM = 42.0, WIDTH - 42.0, HEIGHT - 44.0, 44.0
DETAILS, DEBIT, CREDIT, BALANCE = LEFT + 82.0, RIGHT - 178.0, RIGHT - 92.0, RIGHT - 4.0
AMOUNT_ROOM, BALANCE_ROOM = 68.0, 82.0
ROW = 23.0
FIRST_TABLE, NEXT_TABLE = TOP - 148.0, TOP - 44.0
FOOT = BOTTOM + 30.0
INK, GREY, RULE, BAND = HexColor("#1c2430"), HexColor("#6b7480"), HexColor("#c9ced6"), HexColor("#f3f5f8")
GREEN, AMBER = HexColor("#1d6b43"), HexColor("#9a5b00")

Line = dict[str, Any]


def render_pdf(pages: Sequence[Page]) -> bytes:
    """Return the PDF of a statement from all its pages; at most MAX_LINES lines. Takes about 0.2 ms a line."""
    sheet = _Sheet(pages[0], [line for page in pages for line in page["lines"]])
    return sheet.draw()


class _Sheet:
    """One document while it is drawn."""

    def __init__(self, head: Page, lines: Sequence[Line]) -> None:
        self.head, self.lines = head, lines
        self.currency: str = head["currency"]
        self.sheets = list(_split(lines))
        self.output = io.BytesIO()
        self.canvas = Canvas(self.output, pagesize=A4, pageCompression=0, invariant=1, lang="en-GB")

    def draw(self) -> bytes:
        """Draw all pages, and return the file."""
        self.canvas.setTitle(f"Statement of account {self.head['account_id']}")
        self.canvas.setAuthor("LedgerLink")
        self.canvas.setCreator("LedgerLink")
        self.canvas.setSubject(f"{_moment(self.head['starts_at'])} to {_moment(self.head['ends_at'])} UTC")
        balance: int = self.head["opening"]
        for number, lines in enumerate(self.sheets, start=1):
            self._head(number)
            balance = self._table(number, lines, balance)
            self._foot(number)
            self.canvas.showPage()
        self.canvas.save()
        return self.output.getvalue()

    def _head(self, number: int) -> None:
        self._text(LEFT, TOP, "LedgerLink", "Helvetica-Bold", 15 if number == 1 else 10)
        if number > 1:
            period = f"{_moment(self.head['starts_at'])} to {_moment(self.head['ends_at'])} UTC"
            self._right(RIGHT, TOP, f"Account statement, {period}", "Helvetica", 8, GREY)
            return
        self._right(RIGHT, TOP, "Account statement", "Helvetica-Bold", 15)
        closed = self.head["closed"]
        status = "FINAL: the period is closed" if closed else "PROVISIONAL: the period is open"
        self._right(RIGHT, TOP - 15, status, "Helvetica-Bold", 8, GREEN if closed else AMBER)
        self._rule(TOP - 26, INK, 1.2)
        facts = [
            ("Account", str(self.head["account_id"])),
            ("Currency", self.currency),
            ("From", f"{_moment(self.head['starts_at'])} UTC"),
            ("Until before", f"{_moment(self.head['ends_at'])} UTC"),
            ("Entries", f"{len(self.lines):,}"),
        ]
        for row, (name, value) in enumerate(facts):
            self._text(LEFT, TOP - 46 - row * 15, name, "Helvetica", 8, GREY)
            self._text(LEFT + 66, TOP - 46 - row * 15, value, "Helvetica", 9)
        self._summary()

    def _summary(self) -> None:
        amounts = [line["amount"] for line in self.lines]
        sums = [
            ("Opening balance", self.head["opening"]),
            ("Total debits", sum(-a for a in amounts if a < 0)),
            ("Total credits", sum(a for a in amounts if a > 0)),
            ("Closing balance", self.head["closing"]),
        ]
        left = RIGHT - 212
        self.canvas.setFillColor(BAND)
        self.canvas.rect(left, TOP - 114, RIGHT - left, 82, stroke=0, fill=1)
        for row, (name, amount) in enumerate(sums):
            font = "Helvetica-Bold" if row in {0, 3} else "Helvetica"
            self._text(left + 10, TOP - 50 - row * 17, name, font, 9)
            self._right(RIGHT - 10, TOP - 50 - row * 17, self._money(amount), font, 9, room=118)

    def _table(self, number: int, lines: Sequence[Line], balance: int) -> int:
        top = FIRST_TABLE if number == 1 else NEXT_TABLE
        self._titles(top)
        y = top - 22
        self._balance_row(y, "Opening balance" if number == 1 else "Brought forward", balance)
        for line in lines:
            y -= ROW
            balance = line["balance"]
            self._entry(y, line)
        is_last = number == len(self.sheets)
        self._balance_row(y - ROW, "Closing balance" if is_last else "Carried forward", balance)
        return balance

    def _titles(self, y: float) -> None:
        self.canvas.setFillColor(INK)
        self.canvas.rect(LEFT, y - 6, RIGHT - LEFT, 18, stroke=0, fill=1)
        white = HexColor("#ffffff")
        self._text(LEFT + 4, y, "Effective (UTC)", "Helvetica-Bold", 8, white)
        self._text(DETAILS, y, "Details", "Helvetica-Bold", 8, white)
        for x, title in ((DEBIT, "Debit"), (CREDIT, "Credit"), (BALANCE, "Balance")):
            self._right(x, y, title, "Helvetica-Bold", 8, white)

    def _balance_row(self, y: float, title: str, balance: int) -> None:
        self.canvas.setFillColor(BAND)
        self.canvas.rect(LEFT, y - 7, RIGHT - LEFT, ROW - 3, stroke=0, fill=1)
        self._text(DETAILS, y, title, "Helvetica-Bold", 8.5)
        self._right(BALANCE, y, self._money(balance), "Helvetica-Bold", 8.5, room=BALANCE_ROOM)

    def _entry(self, y: float, line: Line) -> None:
        date, _, time = _moment(line["effective_at"], exact=True).partition(" ")
        self._text(LEFT + 4, y + 3, date, "Helvetica", 8.5)
        self._text(LEFT + 4, y - 6, time, "Helvetica", 7, GREY)
        self._text(DETAILS, y + 3, f"Transfer {line['transfer_id']}", "Helvetica", 8)
        side, amount = ("to", DEBIT) if line["amount"] < 0 else ("from", CREDIT)
        self._text(DETAILS, y - 6, f"{side} {line['counterparty']}{_recorded(line)}", "Helvetica", 6.5, GREY)
        self._right(amount, y, self._money(abs(line["amount"])), "Helvetica", 8.5, room=AMOUNT_ROOM)
        self._right(BALANCE, y, self._money(line["balance"]), "Helvetica", 8.5, room=BALANCE_ROOM)
        self._rule(y - 11, RULE, 0.4)

    def _foot(self, number: int) -> None:
        self._rule(BOTTOM + 12, RULE, 0.6)
        notes = f"Amounts in {self.currency}. Credits increase the balance, debits decrease it."
        self._text(LEFT, BOTTOM, f"Account {self.head['account_id']}", "Helvetica", 7, GREY)
        self._text(LEFT, BOTTOM - 10, notes, "Helvetica", 7, GREY)
        self._right(RIGHT, BOTTOM, f"Page {number} of {len(self.sheets)}", "Helvetica", 7, GREY)

    def _money(self, amount: int) -> str:
        return in_major_units(amount, self.currency).partition(" ")[0]

    def _text(self, x: float, y: float, text: str, font: str, size: float, color: Color = INK) -> None:
        self.canvas.setFillColor(color)
        self.canvas.setFont(font, size)
        self.canvas.drawString(x, y, text)

    def _right(
        self, x: float, y: float, text: str, font: str, size: float, color: Color = INK, *, room: float | None = None
    ) -> None:
        """Write text that ends at x; smaller where it would not fit into its room."""
        width = stringWidth(text, font, size)
        if room is not None and width > room:
            size *= room / width
        self.canvas.setFillColor(color)
        self.canvas.setFont(font, size)
        self.canvas.drawRightString(x, y, text)

    def _rule(self, y: float, color: Color, width: float) -> None:
        self.canvas.setStrokeColor(color)
        self.canvas.setLineWidth(width)
        self.canvas.line(LEFT, y, RIGHT, y)


def _split(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    """Split the lines into pages, each with room for the rows that bring forward and carry forward."""
    first, following = (int((top - 22 - ROW - FOOT) // ROW) for top in (FIRST_TABLE, NEXT_TABLE))
    yield lines[:first]
    for start in range(first, len(lines), following):
        yield lines[start : start + following]


def _moment(text: str, *, exact: bool = False) -> str:
    """Write an instant for people, in UTC; to the microsecond only where there are some."""
    written = datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    return written.isoformat(" ", "auto" if exact else "seconds")


def _recorded(line: Line) -> str:
    """Say of a backdated entry when it was recorded."""
    if line["posted_at"] == line["effective_at"]:
        return ""
    return f", recorded {_moment(line['posted_at'])[:10]}"
